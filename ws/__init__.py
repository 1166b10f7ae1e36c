"""The WebSocket server. It translates between connections and the domain and holds no rules of its own."""
