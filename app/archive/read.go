package archive

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Bounds of a file, so that a hostile one fills no disk.
const (
	maxManifest = 4 << 20
	maxMembers  = 200_000
	maxBytes    = 200 << 30
)

var (
	errNoArchive = fail.New(fail.Invalid, "This is no archive of a shop, or it is cut off.")
	memberName   = regexp.MustCompile(`^(tables|provider|files|documents)/[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)
)

func damaged(name string) error {
	return fail.New(fail.Invalid, "The archive is damaged: %s is not what its list says. Nothing was changed.", name)
}

// Import makes the shop of an archive, under slug when one is given. It reads the whole
// file and checks every sum before anything is written, and compares what was loaded,
// byte for byte, before it counts. Errors: Invalid for a file that is not whole or does
// not fit; Conflict when the shop is here already.
func (s *Service) Import(ctx context.Context, r io.Reader, slug string) (tenants.Tenant, Manifest, error) {
	dir, err := os.MkdirTemp(s.Dir, "archive-")
	if err != nil {
		return tenants.Tenant{}, Manifest{}, fmt.Errorf("make room for the archive: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	m, err := unpack(ctx, r, dir)
	if err != nil {
		return tenants.Tenant{}, m, err
	}
	back, err := returning(m, dir, cmp.Or(slug, m.Shop.Slug))
	if err != nil {
		return tenants.Tenant{}, m, err
	}
	var put []string
	for n, member := range m.Members {
		name, isFile := strings.CutPrefix(member.Name, "files/")
		if !isFile {
			continue
		}
		data, err := os.ReadFile(memberPath(dir, n))
		if err == nil {
			err = s.Files.Put(ctx, m.Shop.ID, name, mime.TypeByExtension(path.Ext(name)), data)
		}
		if err != nil {
			return tenants.Tenant{}, m, err
		}
		put = append(put, name)
	}
	t, err := s.DB.Restore(ctx, back)
	if err != nil && !fail.Is(err, fail.Conflict) { // a shop that is here keeps its files, which are the same
		for _, name := range put {
			_ = s.Files.Delete(ctx, m.Shop.ID, name)
		}
	}
	return t, m, err
}

func memberPath(dir string, n int) string { return filepath.Join(dir, fmt.Sprintf("%06d", n)) }

// unpack lays the members out in dir, by their numbers, and checks them.
func unpack(ctx context.Context, r io.Reader, dir string) (m Manifest, err error) {
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return m, errNoArchive
	}
	in := tar.NewReader(zipped)
	first, err := in.Next()
	if err != nil || first.Name != manifestName || first.Size > maxManifest {
		return m, errNoArchive
	}
	d := json.NewDecoder(io.LimitReader(in, maxManifest))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, errNoArchive
	}
	if err := m.check(); err != nil {
		return m, err
	}
	for seen := 0; ; {
		h, err := in.Next()
		switch {
		case errors.Is(err, io.EOF) && seen == len(m.Members):
			return m, nil
		case err != nil:
			return m, errNoArchive
		case ctx.Err() != nil:
			return m, ctx.Err()
		case h.Name == "README.md" && seen == 0:
			continue
		case seen == len(m.Members) || h.Typeflag != tar.TypeReg || h.Name != m.Members[seen].Name || h.Size != m.Members[seen].Bytes:
			return m, damaged(h.Name)
		}
		if err := lay(in, memberPath(dir, seen), m.Members[seen]); err != nil {
			return m, err
		}
		seen++
	}
}

func (m Manifest) check() error {
	if m.Format != Format {
		return fail.New(fail.Invalid, "The archive has form %d; this program reads form %d. Use the version that made it, or a newer one.", m.Format, Format)
	}
	var total int64
	names := map[string]bool{}
	for _, each := range m.Members {
		total += each.Bytes
		if !memberName.MatchString(each.Name) || names[each.Name] || each.Bytes < 0 || total > maxBytes || total < 0 {
			return damaged(manifestName)
		}
		names[each.Name] = true
		if table, isTable := strings.CutPrefix(each.Name, "tables/"); isTable && (each.Table+".csv" != table || len(each.Columns) == 0) {
			return damaged(manifestName)
		}
	}
	if len(m.Members) == 0 || len(m.Members) > maxMembers {
		return damaged(manifestName)
	}
	return nil
}

func lay(in io.Reader, path string, m Member) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(in, m.Bytes+1))
	if closed := f.Close(); closed != nil {
		return closed
	}
	if err != nil || n != m.Bytes || hex.EncodeToString(sum.Sum(nil)) != m.SHA256 {
		return damaged(m.Name)
	}
	return nil
}

func returning(m Manifest, dir, slug string) (tenants.Returning, error) {
	s := m.Shop
	back := tenants.Returning{ID: s.ID, Omit: omit, Settle: settle,
		New: tenants.NewTenant{Name: s.Name, Email: s.OwnerEmail, Slug: slug, TimeZone: s.TimeZone, Currency: s.Currency, Branding: s.Branding}}
	sums := map[string]string{}
	for n, each := range m.Members {
		switch {
		case strings.HasPrefix(each.Name, "tables/"):
			back.Tables = append(back.Tables, tenants.Arriving{Table: each.Table, Columns: each.Columns, Open: func() (io.ReadCloser, error) { return os.Open(memberPath(dir, n)) }})
			sums[each.Table] = each.SHA256
		case each.Name == "provider/due.csv":
			rows, err := dueRows(memberPath(dir, n))
			if err != nil {
				return back, err
			}
			back.Due = rows
		}
	}
	back.Check = func(table string, _ []string) (io.WriteCloser, error) {
		return &comparing{hashing: sha256.New(), table: table, want: sums[table]}, nil
	}
	return back, nil
}

// comparing sums up what was loaded.
type comparing struct {
	hashing
	table, want string
}

// Close compares.
func (c *comparing) Close() error {
	if hex.EncodeToString(c.Sum(nil)) != c.want {
		return fail.New(fail.Invalid, "The table %s reads differently here than in the archive. Nothing was changed.", c.table)
	}
	return nil
}

// notHere are due times of what does not come along.
var notHere = []string{"domain", "lifecycle", "keepalive", "webhook", "webhook_slow", "certificate"}

func dueRows(path string) (rows []tenants.DueRow, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	in := csv.NewReader(f)
	head, err := in.Read()
	if err != nil {
		return nil, damaged("provider/due.csv")
	}
	at := func(line []string, column string) string {
		if n := slices.Index(head, column); n >= 0 {
			return line[n]
		}
		return ""
	}
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, damaged("provider/due.csv")
		}
		if kind := at(line, "kind"); !slices.Contains(notHere, kind) {
			rows = append(rows, tenants.DueRow{Kind: kind, Key: at(line, "key"), DueAt: at(line, "due_at"), Payload: at(line, "payload")})
		}
	}
}
