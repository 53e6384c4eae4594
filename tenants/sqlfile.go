package tenants

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// migration is the way up of one file.
type migration struct {
	version int64
	name    string
	up      string
}

// loadMigrations reads the way up of every file of a set, oldest first. Tenants
// run each file as one message in one transaction, so a file that wants none, or
// that wants variables filled in, is refused.
func loadMigrations(set fs.FS) ([]migration, error) {
	names, err := fs.Glob(set, "*.sql")
	if err != nil {
		return nil, err
	}
	list := make([]migration, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(set, name)
		if err != nil {
			return nil, err
		}
		m, err := parseMigration(name, string(text))
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", name, err)
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b migration) int { return int(a.version - b.version) })
	for i := 1; i < len(list); i++ {
		if list[i].version == list[i-1].version {
			return nil, fmt.Errorf("migrations %s and %s have the same number", list[i-1].name, list[i].name)
		}
	}
	return list, nil
}

func parseMigration(name, text string) (migration, error) {
	number, _, _ := strings.Cut(path.Base(name), "_")
	version, err := strconv.ParseInt(number, 10, 32)
	if err != nil || version < 1 {
		return migration{}, fmt.Errorf("the name must begin with a number from 1")
	}
	var up strings.Builder
	reading := false
	for line := range strings.Lines(text) {
		word, annotated := strings.CutPrefix(strings.TrimSpace(line), "-- +goose ")
		if !annotated {
			if reading {
				up.WriteString(line)
			}
			continue
		}
		switch strings.TrimSpace(word) {
		case "Up":
			reading = true
		case "Down":
			reading = false
		case "StatementBegin", "StatementEnd":
		default:
			return migration{}, fmt.Errorf("the annotation %q is not supported here", strings.TrimSpace(word))
		}
	}
	if strings.TrimSpace(up.String()) == "" {
		return migration{}, fmt.Errorf("there is nothing after -- +goose Up")
	}
	return migration{version, name, up.String()}, nil
}

// newest is the version that a set leads to.
func newest(list []migration) int64 {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].version
}

func after(list []migration, version int64) []migration {
	i := slices.IndexFunc(list, func(m migration) bool { return m.version > version })
	if i < 0 {
		return nil
	}
	return list[i:]
}

func sub(set embed.FS, dir string) fs.FS {
	inner, err := fs.Sub(set, dir)
	if err != nil {
		return set
	}
	return inner
}
