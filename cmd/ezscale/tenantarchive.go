package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/archive"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/documents"
	"github.com/ezscale/ezscale/app/files"
	"github.com/ezscale/ezscale/tenants"
)

type tenantExportCmd struct {
	Tenant string `help:"The slug." required:""`
	Out    string `help:"The file to write." required:"" type:"path"`
	Force  bool   `help:"Write over a file that is there."`
	JSON   bool   `help:"Print one line of JSON."`
}

// archives writes and reads archives beside a server or without one.
func (c *console) archives(in *installation) (*archive.Service, *files.Store, error) {
	store, err := files.Open(c.ctx, string(c.config.BlobURL), c.config.DataDir)
	if err != nil {
		return nil, nil, err
	}
	return archive.New(archive.Config{DB: in.db, Files: store, Print: in.printInvoice, Dir: c.config.DataDir}), store, nil
}

// archives is what the server's pages make archives with.
func (n *node) archives() *archive.Service {
	return archive.New(archive.Config{DB: n.db, Files: n.files, Print: n.printInvoice, Dir: n.console.config.DataDir})
}

// printInvoice draws an issued invoice.
func (in *installation) printInvoice(ctx context.Context, t tenants.Tenant, customer uuid.UUID, number string) ([]byte, error) {
	var d billing.Document
	if err := in.db.Read(ctx, t, billing.DocumentQs(&d, customer, number)...); err != nil {
		return nil, err
	}
	return new(documents.Press).Invoice(d, documents.BrandOf(t))
}

// Run writes the archive under another name, and gives it its own once it is whole.
func (cmd tenantExportCmd) Run(c *console) error {
	if _, err := os.Lstat(cmd.Out); err == nil && !cmd.Force {
		return misused("--out: %s is there already; choose another name, or add --force", cmd.Out)
	}
	return c.with(func(in *installation) (err error) {
		t, err := in.tenantBySlug(cmd.Tenant)
		if err != nil {
			return err
		}
		service, store, err := c.archives(in)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		f, err := os.CreateTemp(filepath.Dir(cmd.Out), ".export-")
		if errors.Is(err, fs.ErrNotExist) {
			return misused("--out: there is no folder %s", filepath.Dir(cmd.Out))
		}
		if err != nil {
			return fmt.Errorf("write the archive: %w", err)
		}
		defer func() { _ = os.Remove(f.Name()) }()
		buffered := bufio.NewWriterSize(f, 1<<20)
		m, err := service.Write(c.ctx, t, buffered)
		if err == nil {
			err = buffered.Flush()
		}
		if err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		if err := os.Rename(f.Name(), cmd.Out); err != nil {
			return fmt.Errorf("name the archive: %w", err)
		}
		return c.print(cmd.JSON, map[string]any{"id": t.ID, "slug": t.Slug, "file": cmd.Out, "members": len(m.Members)},
			fmt.Sprintf("%s is in %s: %d tables, files and documents, each with its sum", t.Slug, cmd.Out, len(m.Members)))
	})
}

type tenantImportCmd struct {
	File string `help:"The archive." required:"" type:"path"`
	Slug string `help:"Another short name than it had."`
	JSON bool   `help:"Print one line of JSON."`
}

// Run makes the shop, then compares its books once more.
func (cmd tenantImportCmd) Run(c *console) error {
	f, err := os.Open(cmd.File)
	if err != nil {
		return misused("--file: %s cannot be read", cmd.File)
	}
	defer func() { _ = f.Close() }()
	return c.change(func(in *installation) (err error) {
		service, store, err := c.archives(in)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		t, _, err := service.Import(c.ctx, bufio.NewReaderSize(f, 1<<20), cmd.Slug)
		if err != nil {
			return err
		}
		drift, err := in.ledger.Audit(c.ctx, t)
		if err != nil {
			return err
		}
		data := map[string]any{"id": t.ID, "slug": t.Slug, "host": t.Hosts[0], "differences": len(drift)}
		return c.print(cmd.JSON, data, fmt.Sprintf("%s is here: every table reads as in the file, and its books have %d differences\n  add its domain, connect Stripe and give its webhooks new secrets; desktops start anew", t.Slug, len(drift)))
	})
}
