package pgtest_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/ezscale/ezscale/tenants/pgserver/pgtest"
)

func TestURLIsOneEmptySuperuserDatabaseForAll(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	if again := pgtest.URL(t); again != url {
		t.Fatalf("got two clusters, %s and %s", url, again)
	}
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	var super bool
	if err := c.QueryRow(t.Context(), "select rolsuper from pg_roles where rolname = current_user").Scan(&super); err != nil {
		t.Fatal(err)
	}
	if !super {
		t.Error("got an ordinary user, want a superuser")
	}
}

func TestDirIsRemoved(t *testing.T) {
	t.Parallel()
	var dir string
	t.Run("inner", func(t *testing.T) {
		dir = pgtest.Dir(t)
		if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("got %v, want the folder gone", err)
	}
}
