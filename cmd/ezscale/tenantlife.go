package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/lifecycle"
	"github.com/ezscale/ezscale/tenants"
)

// theCommandLine is the actor of what is decided there.
const theCommandLine = "the command line"

type statusArgs struct {
	Tenant string `arg:"" optional:"" help:"The slug."`
	Slug   string `name:"tenant" help:"The slug, as the other commands take it."`
	Reason string `help:"Why, in a sentence; the owner reads it, and the audit log keeps it."`
	JSON   bool   `help:"Print one line of JSON."`
}

type suspendCmd struct{ statusArgs }
type resumeCmd struct{ statusArgs }
type closeCmd struct{ statusArgs }

// Run suspends.
func (cmd suspendCmd) Run(c *console) error {
	return cmd.set(c, func(in *installation, t tenants.Tenant, d lifecycle.Decision) error {
		return in.lifecycle.Suspend(c.ctx, t, d)
	})
}

// Run resumes.
func (cmd resumeCmd) Run(c *console) error {
	return cmd.set(c, func(in *installation, t tenants.Tenant, d lifecycle.Decision) error {
		return in.lifecycle.Resume(c.ctx, t, d)
	})
}

// Run closes.
func (cmd closeCmd) Run(c *console) error {
	return cmd.set(c, func(in *installation, t tenants.Tenant, d lifecycle.Decision) error {
		return in.lifecycle.Close(c.ctx, t, d)
	})
}

func (a statusArgs) set(c *console, change func(*installation, tenants.Tenant, lifecycle.Decision) error) error {
	return c.change(func(in *installation) error {
		t, err := in.tenantBySlug(cmp.Or(a.Tenant, a.Slug))
		if err != nil {
			return err
		}
		if err := change(in, t, lifecycle.Decision{Actor: theCommandLine, Reason: cmp.Or(a.Reason, "The provider decided so")}); err != nil {
			return err
		}
		return c.printStanding(in, a.JSON, t)
	})
}

func (c *console) printStanding(in *installation, asJSON bool, t tenants.Tenant) error {
	if now, ok := in.db.Registry().ByID(t.ID); ok {
		t = now
	}
	text := fmt.Sprintf("%s is %s", t.Slug, t.Status)
	switch dates := lifecycle.DatesOf(t); {
	case t.ClosedAt != nil:
		text += fmt.Sprintf("; its names are released on %s, its data is removed on %s", dates.Release.Format(time.DateOnly), dates.Remove.Format(time.DateOnly))
	case t.Status == tenants.Trial && t.TrialEndsAt != nil:
		text += " until " + t.TrialEndsAt.UTC().Format(time.RFC3339)
	}
	return c.print(asJSON, tenantJSON(t), text)
}

type setTrialCmd struct {
	Tenant        string `arg:"" optional:"" help:"The slug."`
	Slug          string `name:"tenant" help:"The slug, as the other commands take it."`
	Days          int    `help:"The trial ends so many days from now."`
	Until         string `help:"The trial ends then: 2026-12-31 or 2026-12-31T12:00:00Z."`
	End           bool   `help:"The trial ends now."`
	PaysByInvoice *bool  `help:"It is agreed that the reseller pays by bank transfer, so the end of its trial does not suspend it." negatable:""`
	JSON          bool   `help:"Print one line of JSON."`
}

// Run sets the trial.
func (cmd setTrialCmd) Run(c *console) error {
	return c.change(func(in *installation) error {
		t, err := in.tenantBySlug(cmp.Or(cmd.Tenant, cmd.Slug))
		if err != nil {
			return err
		}
		if err := cmd.apply(c.ctx, in, t); err != nil {
			return err
		}
		return c.printStanding(in, cmd.JSON, t)
	})
}

func (cmd setTrialCmd) apply(ctx context.Context, in *installation, t tenants.Tenant) error {
	until, moves, err := cmd.until(in.Now())
	if err != nil {
		return err
	}
	if !moves && cmd.PaysByInvoice == nil {
		return errors.New("say what to change: --days, --until, --end or --pays-by-invoice")
	}
	if cmd.PaysByInvoice != nil {
		if err := in.lifecycle.SetPaysByInvoice(ctx, t, theCommandLine, *cmd.PaysByInvoice); err != nil {
			return err
		}
	}
	if !moves {
		return nil
	}
	return in.lifecycle.SetTrial(ctx, t, theCommandLine, until)
}

// until is the end that was asked for; the zero time is now.
func (cmd setTrialCmd) until(now time.Time) (at time.Time, moves bool, err error) {
	switch {
	case cmd.End:
		return time.Time{}, true, nil
	case cmd.Days > 0:
		return now.AddDate(0, 0, cmd.Days), true, nil
	case cmd.Days < 0:
		return at, false, fail.New(fail.Invalid, "Use --end to end a trial now; --days counts from 1.")
	case cmd.Until == "":
		return at, false, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err = time.Parse(layout, cmd.Until); err == nil {
			return at, true, nil
		}
	}
	return at, false, fail.New(fail.Invalid, "--until takes a day such as 2026-12-31.")
}
