"""What the details show, one module a subject: text as pure functions, charts as widgets."""
