"""One model on several processors, behind one endpoint."""
