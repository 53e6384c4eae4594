package archive

import _ "embed"

// about explains the file to whoever opens it.
//
//go:embed README.md
var about string
