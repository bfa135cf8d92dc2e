"""The five folders of an inbox, and the only code that moves a document between them."""
