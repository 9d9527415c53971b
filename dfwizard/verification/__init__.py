"""The instance before against the instance after, as data."""
