"""Class maps tidied up: small areas removed, edges smoothed, classes set to nodata.

All functions take class maps of any size, part by part if they are lazy, and the result
does not depend on the parts.
"""
