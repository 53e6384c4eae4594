// Package archive writes everything that belongs to a shop into one file, and makes
// the shop of it again at another installation, with the same ids and equal books.
// README.md beside this file documents the format.
//
// The rows are one snapshot of the database. Secrets that are sealed with this
// installation's key stay behind; passwords and keys of people are in it as hashes, so
// that they go on working. A file is checked whole before anything of it is written.
package archive

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// Format is the version of the file's form.
const Format = 1

const manifestName = "manifest.json"

// Store is where a shop's files are.
type Store interface {
	List(ctx context.Context, tenant uuid.UUID) ([]string, error)
	Get(ctx context.Context, tenant uuid.UUID, name string) ([]byte, error)
	Put(ctx context.Context, tenant uuid.UUID, name, kind string, data []byte) error
	Delete(ctx context.Context, tenant uuid.UUID, name string) error
}

// Config is what the service is made of. Print draws an issued invoice as PDF.
type Config struct {
	DB    *tenants.DB
	Files Store
	Print func(ctx context.Context, t tenants.Tenant, customer uuid.UUID, number string) ([]byte, error)
	Dir   string // for what is under way; "" is the system's
}

// Service writes and reads archives.
type Service struct{ Config }

// New makes the service.
func New(c Config) *Service { return &Service{c} }

// Manifest says what is in a file. It is its first member.
type Manifest struct {
	Format  int      `json:"format"`
	Shop    Shop     `json:"shop"`
	Members []Member `json:"members"`
}

// Shop is what the provider keeps about a shop's being there.
type Shop struct {
	ID         uuid.UUID        `json:"id"`
	Slug       string           `json:"slug"`
	Name       string           `json:"name"`
	OwnerEmail string           `json:"owner_email"`
	TimeZone   string           `json:"time_zone"`
	Currency   string           `json:"currency"`
	Branding   tenants.Branding `json:"branding"`
}

// Member is one file of the archive.
type Member struct {
	Name    string   `json:"name"`
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
}

// omit is what stays behind: what is of this installation only, or made again there.
var omit = tenants.Omit{
	Tables: []string{"goose_db_version", "idempotency_keys", "user_tokens", "usage_rolled", "usage_days", "usage_buyers", "webhook_deliveries", "card_setups", "kasm_users", "discarded_desktops", "block_holds"},
	Columns: map[string]string{
		"kasm_workspaces.password_encrypted": "null::bytea", "webhook_endpoints.secret": `'\x'::bytea`, "webhook_endpoints.old_secret": "null::bytea",
		"due.leased_until": "null::timestamptz", "due.attempts": "0",
	},
	Rows: map[string]string{"settings": "key <> 'stripe'", "certificate_orders": "false"},
}

// central is what the provider keeps about a shop that goes with it, to be read.
var central = []string{"tenant_billing", "tenant_branding", "tenant_domains", "audit_log", "due", "reseller_logins", "wholesale_invoices"}

// Write writes the shop's archive. An unchanged shop gives the same bytes again.
func (s *Service) Write(ctx context.Context, t tenants.Tenant, w io.Writer) (Manifest, error) {
	if t.DroppedAt != nil {
		return Manifest{}, fail.New(fail.Conflict, "The data of this shop was removed.")
	}
	if t.House {
		return Manifest{}, fail.New(fail.Conflict, "This is the provider's own shop; it stays with the installation.")
	}
	dir, err := os.MkdirTemp(s.Dir, "archive-")
	if err != nil {
		return Manifest{}, fmt.Errorf("make room for the archive: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p := &packing{dir: dir}
	p.Format = Format
	p.Shop = Shop{ID: t.ID, Slug: t.Slug, Name: t.Name, OwnerEmail: t.OwnerEmail, TimeZone: t.Zone.String(), Currency: t.Currency, Branding: t.Branding}
	if err := s.DB.Snapshot(ctx, t, central, omit, p.table); err != nil {
		return Manifest{}, err
	}
	if err := s.addFiles(ctx, t, p); err != nil {
		return Manifest{}, err
	}
	if err := s.addDocuments(ctx, t, p); err != nil {
		return Manifest{}, err
	}
	return p.Manifest, p.write(w)
}

// Note keeps in the shop's log who took an archive.
func (s *Service) Note(ctx context.Context, t tenants.Tenant, actor string) error {
	return s.DB.In(ctx, t, func(tx tenants.Tx) error { return note(ctx, tx, actor) })
}

func (s *Service) addFiles(ctx context.Context, t tenants.Tenant, p *packing) error {
	names, err := s.Files.List(ctx, t.ID)
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := s.Files.Get(ctx, t.ID, name)
		if err != nil {
			return err
		}
		if err := p.add(Member{Name: "files/" + name}, data); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) addDocuments(ctx context.Context, t tenants.Tenant, p *packing) error {
	var issued []document
	if err := s.DB.Read(ctx, t, documentsQ(&issued)); err != nil {
		return err
	}
	for _, d := range issued {
		data, err := s.Print(ctx, t, d.Customer, d.Number)
		if err != nil {
			return fmt.Errorf("draw invoice %s: %w", d.Number, err)
		}
		if err := p.add(Member{Name: "documents/" + strings.ReplaceAll(d.Number, "/", "-") + ".pdf"}, data); err != nil {
			return err
		}
	}
	return nil
}

// packing gathers members as files, so that the manifest can come first.
type packing struct {
	Manifest
	dir string
}

func (p *packing) path(n int) string { return filepath.Join(p.dir, fmt.Sprintf("%06d", n)) }

func (p *packing) add(m Member, data []byte) error {
	w, err := p.open(m)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	return w.Close()
}

func (p *packing) table(table string, columns []string) (io.WriteCloser, error) {
	folder, name, inCentral := "tables/", table, false
	if name, inCentral = strings.CutPrefix(table, "central."); inCentral {
		folder = "provider/"
	}
	return p.open(Member{Name: folder + name + ".csv", Table: table, Columns: columns})
}

func (p *packing) open(m Member) (*summed, error) {
	f, err := os.OpenFile(p.path(len(p.Members)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	p.Members = append(p.Members, m)
	at := len(p.Members) - 1
	return &summed{File: f, sum: sha256.New(), done: func(size int64, sum string) { p.Members[at].Bytes, p.Members[at].SHA256 = size, sum }}, nil
}

func (p *packing) write(w io.Writer) error {
	zipped := gzip.NewWriter(w)
	out := tar.NewWriter(zipped)
	manifest, err := json.MarshalIndent(p.Manifest, "", "  ")
	if err != nil {
		return err
	}
	for _, text := range []struct {
		name string
		data []byte
	}{{manifestName, append(manifest, '\n')}, {"README.md", []byte(about)}} {
		if err := header(out, text.name, int64(len(text.data))); err != nil {
			return err
		}
		if _, err := out.Write(text.data); err != nil {
			return err
		}
	}
	for n, m := range p.Members {
		if err := p.append(out, n, m); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return zipped.Close()
}

func (p *packing) append(out *tar.Writer, n int, m Member) error {
	if err := header(out, m.Name, m.Bytes); err != nil {
		return err
	}
	f, err := os.Open(p.path(n))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(out, f)
	return err
}

func header(out *tar.Writer, name string, size int64) error {
	return out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX})
}

// hashing is a sum under way.
type hashing interface {
	io.Writer
	Sum(b []byte) []byte
}

// summed is a file that is summed up while it is written.
type summed struct {
	*os.File
	sum  hashing
	size int64
	done func(size int64, sum string)
}

// Write writes to the file and the sum.
func (s *summed) Write(b []byte) (int, error) {
	n, err := s.File.Write(b)
	_, _ = s.sum.Write(b[:n])
	s.size += int64(n)
	return n, err
}

// Close tells the sum.
func (s *summed) Close() error {
	s.done(s.size, hex.EncodeToString(s.sum.Sum(nil)))
	return s.File.Close()
}
