"""From text to a located document: reader (YAML), expression, chain, document."""
