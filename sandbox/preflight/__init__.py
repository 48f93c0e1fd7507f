"""Whether an account can deploy an architecture, and what that would cost: asked, never changed."""
