package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestEveryCommandHelps walks the command line: each command explains itself,
// and prints JSON where it prints data.
func TestEveryCommandHelps(t *testing.T) {
	t.Parallel()
	var cli commands
	parser, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	leaves := parser.Model.Leaves(true)
	if len(leaves) < 17 {
		t.Errorf("only %d commands", len(leaves))
	}
	for _, leaf := range leaves {
		path := strings.Fields(strings.Split(leaf.FullPath(), "<")[0])[1:]
		name := strings.Join(path, " ")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, code := ask(t, append(path, "--help")...)
			if code != exitDone || errs != "" || !strings.Contains(out, "Usage: ezscale "+name) {
				t.Errorf("--help: exit %d\n%s\n%s", code, out, errs)
			}
			if leaf.Help == "" || !strings.Contains(out, strings.Fields(leaf.Help)[0]) {
				t.Errorf("--help does not say what %s is for:\n%s", name, out)
			}
			if name != "serve" && !strings.Contains(out, "--json") {
				t.Errorf("%s has no --json:\n%s", name, out)
			}
			for _, f := range leaf.Flags {
				if f.Help == "" && f.Name != "help" {
					t.Errorf("--%s of %s is not explained", f.Name, name)
				}
			}
			if _, errs, code := ask(t, append(path, "--no-such-flag")...); code != exitUsage || strings.Count(errs, "\n") != 1 {
				t.Errorf("an unknown flag: exit %d\n%s", code, errs)
			}
		})
	}
}

// ask does a command that needs no installation.
func ask(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	folder := t.TempDir()
	var files [2]*os.File
	for i, name := range []string{"out", "err"} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	code = run(context.Background(), args, []string{"EZSCALE_DATA_DIR=" + folder}, files[0], files[1])
	return readAll(t, files[0].Name()), readAll(t, files[1].Name()), code
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
