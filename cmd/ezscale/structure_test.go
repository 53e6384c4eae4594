package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHabits reads our own source for what reviews would otherwise have to catch.
func TestHabits(t *testing.T) {
	t.Parallel()
	fset := token.NewFileSet()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			if strings.HasSuffix(name, "_templ.go") {
				continue
			}
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			inspect(t, fset, p, file)
		}
	}
}

func inspect(t *testing.T, fset *token.FileSet, p pkg, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if name := called(n); forbidden[name] != "" && !excused(p, name) {
				t.Errorf("%s: %s: %s", fset.Position(n.Pos()), name, forbidden[name])
			}
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				t.Errorf("%s: init has effects that nobody asked for", fset.Position(n.Pos()))
			}
			lines := fset.Position(n.End()).Line - fset.Position(n.Pos()).Line + 1
			if lines > 60 && n.Name.Name != "table" && n.Name.Name != "Table" {
				t.Errorf("%s: %s has %d lines; the ceiling is 60", fset.Position(n.Pos()), n.Name.Name, lines)
			}
		}
		return true
	})
	if lines := fset.Position(file.End()).Line; lines > 400 {
		t.Errorf("%s has %d lines: is it two rooms?", fset.Position(file.Pos()).Filename, lines)
	}
}

var forbidden = map[string]string{
	"log.Fatal": "only main ends the program", "log.Fatalf": "only main ends the program", "os.Exit": "only main ends the program",
	"panic":                    "an error is returned, not thrown",
	"pgx.RowToStructByNameLax": "a missing column must be an error",
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

// excused are main's exit and handing on a panic that was caught to roll back.
func excused(p pkg, name string) bool {
	switch name {
	case "os.Exit":
		return p.name() == "cmd/ezscale"
	case "panic":
		return p.name() == "app/web" || p.name() == "tenants" || strings.HasSuffix(p.name(), "test")
	}
	return strings.HasSuffix(p.name(), "test")
}

// TestOnlyTenantsNamesTheSearchPath keeps the choice of a shop in one package.
func TestOnlyTenantsNamesTheSearchPath(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.name() == "tenants" || strings.HasPrefix(p.name(), "tenants/") {
			continue
		}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "search_path") {
				t.Errorf("%s/%s names the search path", p.name(), name)
			}
		}
	}
}

// TestStatementsLiveInStores keeps SQL in the files where it is looked for, with
// every column listed.
func TestStatementsLiveInStores(t *testing.T) {
	t.Parallel()
	statement := regexp.MustCompile("(?i)`\\s*--[^\\n]*\\n\\s*(select|insert|update|delete|with)\\s")
	star := regexp.MustCompile(`(?i)(select|returning)\s+\*`)
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if statement.Match(text) && !strings.HasPrefix(name, "store") && !strings.HasPrefix(p.name(), "tenants") {
				t.Errorf("%s/%s holds SQL: it belongs into a store file", p.name(), name)
			}
			if strings.HasPrefix(name, "store") && star.Match(text) {
				t.Errorf("%s/%s selects *: list the columns", p.name(), name)
			}
		}
	}
}
