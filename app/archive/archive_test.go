package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/files"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func serviceOn(t *testing.T, db *tenants.DB) *Service {
	t.Helper()
	store, err := files.Open(t.Context(), "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return New(Config{DB: db, Files: store, Dir: t.TempDir(),
		Print: func(context.Context, tenants.Tenant, uuid.UUID, string) ([]byte, error) { return []byte("%PDF"), nil }})
}

// shop is one with people, money and a picture.
func shop(t *testing.T, s *Service) tenants.Tenant {
	t.Helper()
	home := tenanttest.Shop(t, s.DB, tenanttest.WithName("Northwind Desktops"))
	people, err := accounts.New(s.DB, clock.Wall{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"ada@example.com", "bob@example.com"} {
		user, _, err := people.Create(t.Context(), home, accounts.NewUser{Email: email, Name: "Somebody, \"quoted\" Ünïcode", Role: accounts.Customer, Password: "correct horse battery", Actor: "test"})
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.New(s.DB).Grant(t.Context(), home, "test", user.ID, decimal.RequireFromString("12.34"), "a gift", "gift:"+email); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Files.Put(t.Context(), home.ID, "logo-1.png", "image/png", []byte("not quite a picture")); err != nil {
		t.Fatal(err)
	}
	return home
}

func written(t *testing.T, s *Service, home tenants.Tenant) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := s.Write(t.Context(), home, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAShopMovesWithItsIDsAndBooks(t *testing.T) {
	t.Parallel()
	old := serviceOn(t, tenanttest.DB(t))
	home := shop(t, old)
	file := written(t, old, home)
	if !bytes.Equal(file, written(t, old, home)) {
		t.Error("an unchanged shop gives other bytes")
	}

	db, err := tenants.Open(t.Context(), tenanttest.Fresh(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := db.Migrate(t.Context(), tenants.MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	there := serviceOn(t, db)
	other := shop(t, there)
	before := written(t, there, other)
	moved, m, err := there.Import(t.Context(), bytes.NewReader(file), "")
	if err != nil {
		t.Fatal(err)
	}
	if moved.ID != home.ID || moved.Slug != home.Slug || m.Shop.ID != home.ID {
		t.Errorf("%s came as %s", home.ID, moved.ID)
	}
	if drift, err := ledger.New(db).Audit(t.Context(), moved); err != nil || len(drift) > 0 {
		t.Errorf("the books differ: %v, %v", drift, err)
	}
	if !slices.Equal(tablesOf(t, file), tablesOf(t, written(t, there, moved))) {
		t.Error("the shop is exported differently from where it came to")
	}
	if data, err := there.Files.Get(t.Context(), moved.ID, "logo-1.png"); err != nil || string(data) != "not quite a picture" {
		t.Errorf("the picture is %q, %v", data, err)
	}
	people, err := accounts.New(db, clock.Wall{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := people.SignIn(t.Context(), moved, "ada@example.com", "correct horse battery", "192.0.2.1"); err != nil {
		t.Errorf("a customer cannot sign in: %v", err)
	}
	if _, _, err := people.Create(t.Context(), moved, accounts.NewUser{Email: "eve@example.com", Role: accounts.Customer, Actor: "test"}); err != nil {
		t.Errorf("the shop does not go on: %v", err)
	}
	if !bytes.Equal(before, written(t, there, other)) {
		t.Error("another shop was touched")
	}
	if _, _, err := there.Import(t.Context(), bytes.NewReader(file), ""); !fail.Is(err, fail.Conflict) {
		t.Errorf("a second time: %v", err)
	}
	if _, _, err := there.Import(t.Context(), bytes.NewReader(file), "elsewhere"); !fail.Is(err, fail.Conflict) {
		t.Errorf("a second time under another name: %v", err)
	}
}

// tablesOf lists the sums of a file's tables.
func tablesOf(t *testing.T, file []byte) (sums []string) {
	t.Helper()
	m, err := unpack(t.Context(), bytes.NewReader(file), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range m.Members {
		if strings.HasPrefix(each.Name, "tables/") || strings.HasPrefix(each.Name, "files/") {
			sums = append(sums, each.Name+" "+each.SHA256)
		}
	}
	return sums
}

// rewritten is a file after change, packed as before; its sums are as they were.
func rewritten(t *testing.T, file []byte, change func(name string, m *Manifest, data []byte) (string, []byte)) []byte {
	t.Helper()
	zipped, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	in := tar.NewReader(zipped)
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	out := tar.NewWriter(packed)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		var m *Manifest
		if h.Name == manifestName {
			m = &Manifest{}
			if err := json.Unmarshal(data, m); err != nil {
				t.Fatal(err)
			}
		}
		name, data := change(h.Name, m, data)
		if m != nil {
			if data, err = json.Marshal(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := header(out, name, int64(len(data))); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(out.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDamagedFilesChangeNothing(t *testing.T) {
	t.Parallel()
	s := serviceOn(t, tenanttest.DB(t))
	file := written(t, s, shop(t, s))
	listed := func(change func(m *Manifest)) []byte {
		return rewritten(t, file, func(name string, m *Manifest, data []byte) (string, []byte) {
			if m != nil {
				m.Shop.ID, m.Shop.Slug = uuid.New(), "fresh-"+uuid.NewString()[:8]
				change(m)
			}
			return name, data
		})
	}
	cases := map[string][]byte{
		"nothing": nil, "no archive": []byte("hello"), "half": file[:len(file)/2], "all but the end": file[:len(file)-20],
		"another form":     listed(func(m *Manifest) { m.Format = 9 }),
		"a path upwards":   listed(func(m *Manifest) { m.Members[0].Name = "files/../../escape" }),
		"an absolute path": listed(func(m *Manifest) { m.Members[0].Name = "/etc/passwd" }),
		"the same twice":   listed(func(m *Manifest) { m.Members[1] = m.Members[0] }),
		"a gigantic one":   listed(func(m *Manifest) { m.Members[0].Bytes = 1 << 62 }),
		"a foreign table": listed(func(m *Manifest) {
			m.Members[0].Table, m.Members[0].Name = "pg_class", "tables/pg_class.csv"
		}),
		"a foreign column": listed(func(m *Manifest) { m.Members[0].Columns[0] = "id; drop table users" }),
		"one byte more": rewritten(t, file, func(name string, _ *Manifest, data []byte) (string, []byte) {
			if name == "tables/users.csv" {
				data = append(data, '\n')
			}
			return name, data
		}),
		"one byte other": rewritten(t, file, func(name string, _ *Manifest, data []byte) (string, []byte) {
			if name == "tables/users.csv" {
				data[len(data)-3] ^= 1
			}
			return name, data
		}),
		"a member nobody lists": rewritten(t, file, func(name string, _ *Manifest, data []byte) (string, []byte) {
			if name == "tables/users.csv" {
				name = "tables/others.csv"
			}
			return name, data
		}),
	}
	for name, data := range cases {
		if _, _, err := s.Import(t.Context(), bytes.NewReader(data), ""); !fail.Is(err, fail.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWrongSumOfWhatWasLoadedUndoesEverything(t *testing.T) {
	t.Parallel()
	s := serviceOn(t, tenanttest.DB(t))
	file := written(t, s, shop(t, s))
	slug := "fresh-" + uuid.NewString()[:8]
	// A user of no known role is against the table's rules, though its sum is right.
	bad := rewritten(t, file, func(name string, m *Manifest, data []byte) (string, []byte) {
		swap := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(",customer,"), []byte(",monarchy,")) }
		if m != nil {
			m.Shop.ID, m.Shop.Slug = uuid.New(), slug
			for n := range m.Members {
				if m.Members[n].Name == "tables/users.csv" {
					m.Members[n].SHA256 = sumOf(t, file, "tables/users.csv", swap)
				}
			}
		}
		if name == "tables/users.csv" {
			data = swap(data)
		}
		return name, data
	})
	if _, _, err := s.Import(t.Context(), bytes.NewReader(bad), ""); !fail.Is(err, fail.Invalid) || !strings.Contains(err.Error(), "do not fit") {
		t.Errorf("rows against the rules: %v", err)
	}
	if _, there := s.DB.Registry().BySlug(slug); there {
		t.Error("half a shop is there")
	}
}

func sumOf(t *testing.T, file []byte, member string, change func([]byte) []byte) (sum string) {
	t.Helper()
	rewritten(t, file, func(name string, _ *Manifest, data []byte) (string, []byte) {
		if name == member {
			p := &packing{dir: t.TempDir()}
			if err := p.add(Member{Name: member}, change(data)); err != nil {
				t.Fatal(err)
			}
			sum = p.Members[0].SHA256
		}
		return name, data
	})
	return sum
}

func FuzzUnpack(f *testing.F) {
	var b bytes.Buffer
	p := &packing{dir: f.TempDir()}
	p.Format = Format
	if err := p.add(Member{Name: "files/a.txt"}, []byte("hello")); err != nil {
		f.Fatal(err)
	}
	if err := p.write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := unpack(t.Context(), bytes.NewReader(data), t.TempDir())
		if err == nil && m.check() != nil {
			t.Error("what is refused was unpacked")
		}
	})
}
