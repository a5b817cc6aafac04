"""Parts and shapes of neurons: level-2 ids, meshes, skeletons, their segments."""
