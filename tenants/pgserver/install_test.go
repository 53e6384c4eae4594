package pgserver

import (
	"archive/zip"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	embedded "github.com/fergusstrange/embedded-postgres"
)

func TestFind(t *testing.T) {
	real, err := Find(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if real.Major < MinMajor || !executable(filepath.Join(real.Dir, "initdb")) {
		t.Errorf("got %+v, want a complete Postgres", real)
	}
	links, wrappers := t.TempDir(), t.TempDir()
	if err := os.Symlink(filepath.Join(real.Dir, "postgres"), filepath.Join(links, "postgres")); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\necho 'postgres (PostgreSQL) 99.1'\n"
	if err := os.WriteFile(filepath.Join(wrappers, "postgres"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", wrappers+":"+links)
	all := findAll(t.Context(), []string{links})
	if len(all) == 0 || all[0] != real {
		t.Errorf("got %+v, want the link followed to %+v and the wrapper left out", all, real)
	}
	if err := os.WriteFile(filepath.Join(wrappers, "initdb"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if b, err := Find(t.Context(), 0); err != nil || b.Major != 99 {
		t.Errorf("got %+v (%v), want the newest", b, err)
	}
	if b, err := Find(t.Context(), real.Major); err != nil || b != real {
		t.Errorf("got %+v (%v), want the cluster's major %d", b, err, real.Major)
	}
	if _, err := Find(t.Context(), 12); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want the versions that are there", err)
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		version string
		major   int
	}{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": {"15.18", 15},
		"postgres (PostgreSQL) 18beta1\n":                        {"18beta1", 18},
		"postgres (PostgreSQL) 9.6.24\n":                         {"9.6.24", 9},
		"postgres (EnterpriseDB) 15\n":                           {"", 0},
		"":                                                       {"", 0},
	} {
		version, major := parseVersion(line)
		if version != want.version || major != want.major {
			t.Errorf("%q: got %s, %d, want %s, %d", line, version, major, want.version, want.major)
		}
	}
}

// The archive holds three scripts in place of programs; the library unpacks it the
// way it unpacks real ones.
func TestFetch(t *testing.T) {
	t.Parallel()
	txz, err := os.ReadFile("testdata/binaries.txz")
	if err != nil {
		t.Fatal(err)
	}
	repository := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") {
			http.NotFound(w, r)
			return
		}
		z := zip.NewWriter(w)
		f, err := z.Create("postgres.txz")
		if err == nil {
			_, err = f.Write(txz)
		}
		if err := errors.Join(err, z.Close()); err != nil {
			t.Error(err)
		}
	}))
	defer repository.Close()
	dist := filepath.Join(newDir(t), "dist")
	from := embedded.DefaultConfig().BinaryRepositoryURL(repository.URL)
	if err := fetch(0, dist, from); err != nil {
		t.Fatal(err)
	}
	if b, ok := probe(t.Context(), filepath.Join(dist, "bin"), map[string]bool{}); !ok || b.Major != 17 {
		t.Errorf("got %+v, want the fetched Postgres 17", b)
	}

	repository.Close()
	err = fetch(0, filepath.Join(newDir(t), "dist"), from)
	if err == nil || !strings.Contains(err.Error(), "could not be fetched, install it from your distribution") {
		t.Errorf("got %v, want what to do without a network", err)
	}
	if err := fetch(12, dist, from); err == nil || !strings.Contains(err.Error(), "Postgres 12 cannot be fetched") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestPackageIsToldToMakeNoCluster(t *testing.T) {
	t.Parallel()
	conf := filepath.Join(t.TempDir(), "postgresql-common", "createcluster.conf")
	for range 2 { // the second time it is left as it is
		if err := forbidMainCluster(conf); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(conf); err != nil || string(b) != "create_main_cluster = false\n" {
			t.Errorf("got %q (%v)", b, err)
		}
	}
}
