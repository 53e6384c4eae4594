package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the test binary be the program: under the name ezscale, which is
// put first on the path, it does what the program does.
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"ezscale": main}) }
