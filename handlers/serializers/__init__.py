"""The JSON of results: for each tag a module, in it one function per schema of the document, of the schema's name."""
