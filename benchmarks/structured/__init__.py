"""(no benchmark.) scripts/bench structure: pages whose structure is known, and how near a Markdown text comes to it."""
