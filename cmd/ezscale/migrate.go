package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ezscale/ezscale/tenants"
)

type migrateCmd struct {
	Workers int  `help:"Tenants at a time." default:"0"`
	JSON    bool `help:"Print one line of JSON."`
}

// Run migrates central and then every tenant, and fails when any stayed behind.
func (cmd migrateCmd) Run(c *console) error {
	in, err := c.open(purpose{})
	if err != nil {
		return err
	}
	report, err := in.db.Migrate(c.ctx, tenants.MigrateOptions{Workers: cmd.Workers})
	if err != nil {
		return errors.Join(fmt.Errorf("bring the database up to date: %w", err), in.close())
	}
	failed := make([]map[string]any, 0, len(report.Failed))
	var names []string
	for _, f := range report.Failed {
		failed = append(failed, map[string]any{"tenant": f.Slug, "version": f.Version, "error": f.Err.Error()})
		names = append(names, f.Slug+" ("+f.Err.Error()+")")
	}
	data := map[string]any{"central": report.Central, "tenants": report.Tenants, "failed": failed, "took_ms": report.Took.Milliseconds()}
	text := fmt.Sprintf("central: %d migrations, tenants brought up to date: %d, took %s", report.Central, report.Tenants, report.Took.Round(1e6))
	if err := c.print(cmd.JSON, data, text); err != nil {
		return errors.Join(err, in.close())
	}
	if len(names) > 0 {
		return errors.Join(fmt.Errorf("these tenants stayed behind, run ezscale migrate again when mended: %s", strings.Join(names, "; ")), in.close())
	}
	return in.close()
}
