"""``exbert-rpc mcp``: the questions of this program as tools of the Model Context Protocol, answered in few words."""
