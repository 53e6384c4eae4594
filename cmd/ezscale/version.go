package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCmd struct {
	JSON bool `help:"Print one line of JSON."`
}

// Run prints what this binary was built from.
func (cmd versionCmd) Run(c *console) error {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	data := map[string]string{"version": version, "revision": revision, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH}
	return c.print(cmd.JSON, data, fmt.Sprintf("ezscale %s (%s, %s)", version, data["go"], data["platform"]))
}
