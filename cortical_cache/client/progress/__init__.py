"""Progress: bars for what is counted or brought, where anybody watches."""
