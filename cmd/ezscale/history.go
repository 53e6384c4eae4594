package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/billing"
	"github.com/ezscale/ezscale/app/clock"
	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/testclock"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/seed"
)

// historyStart is noon (UTC) of the first of the month in which the history of
// so many months begins; zero without history.
func historyStart(now time.Time, months int) time.Time {
	if months == 0 {
		return time.Time{}
	}
	return time.Date(now.Year(), now.Month()-time.Month(months), 1, 12, 0, 0, 0, time.UTC)
}

// patron is a sample customer in their shop, with the one desktop they use.
type patron struct {
	seed.Customer
	tenant  tenants.Tenant
	user    uuid.UUID
	desktop uuid.UUID
}

// deed is something that happens in the history. Deeds bear repetition: a
// demonstration that was killed while making its history does the last one again.
type deed struct {
	at time.Time
	do func(ctx context.Context) error
}

// prepareDemo makes the sample resellers and plays their history through the
// program itself, on the test clock. It goes on where an earlier start was killed,
// and does nothing when all is there.
func (n *node) prepareDemo(ctx context.Context, resellers []seed.Reseller, months int) error {
	done, err := n.demoProgress(ctx)
	if err != nil || done == demoComplete {
		return err
	}
	began, err := n.demoBegan(ctx)
	if err != nil {
		return err
	}
	if err := n.ensureOperator(ctx); err != nil {
		return err
	}
	var patrons []patron
	for _, r := range resellers {
		more, err := n.openShop(ctx, r)
		if err != nil {
			return fmt.Errorf("make the sample reseller %s: %w", r.Slug, err)
		}
		patrons = append(patrons, more...)
	}
	// A quick simulator means fewer moments to look at; afterwards a desktop takes
	// long enough to watch it become ready.
	if err := testclock.SetStartDelay(ctx, n.console.config.KasmURL, historyDelay); err != nil {
		return err
	}
	wall := clock.Wall{}
	present := wall.Now()
	for i, d := range n.deeds(patrons, began, present, months) {
		if i < done {
			continue
		}
		if err := n.perform(ctx, d, i); err != nil {
			return fmt.Errorf("make the history of %s: %w", d.at.Format(time.DateOnly), err)
		}
	}
	if err := n.goOnUntil(ctx, wall.Now()); err != nil {
		return err
	}
	if err := testclock.SetStartDelay(ctx, n.console.config.KasmURL, showDelay); err != nil {
		return err
	}
	return n.saveDemoProgress(ctx, demoComplete)
}

// How long the simulator takes to start a desktop: in the history, and to show.
const (
	historyDelay = time.Second
	showDelay    = 3 * time.Second
)

// goOnUntil lets business time pass, unless it is later already.
func (n *node) goOnUntil(ctx context.Context, at time.Time) error {
	if !n.stepper.Read().Now.Before(at) {
		return nil
	}
	to := testclock.Move{Now: &at}
	_, err := n.stepper.Move(ctx, to)
	return err
}

// perform waits for the deed's time and does it.
func (n *node) perform(ctx context.Context, d deed, index int) error {
	if err := n.goOnUntil(ctx, d.at); err != nil {
		return err
	}
	if err := d.do(ctx); err != nil {
		return err
	}
	return n.saveDemoProgress(ctx, index+1)
}

// settled waits until all that has happened has had its effects.
func (n *node) settled(ctx context.Context) error {
	var none time.Duration
	_, err := n.stepper.Move(ctx, testclock.Move{Advance: &none})
	return err
}

func (n *node) ensureOperator(ctx context.Context) error {
	_, _, err := n.accounts.CreateOperator(ctx, demoOperator, "Olive Operator", demoPassword)
	if fail.Is(err, fail.Invalid) { // there already
		return nil
	}
	return err
}

// openShop makes one sample reseller as an operator and its owner would.
func (n *node) openShop(ctx context.Context, r seed.Reseller) ([]patron, error) {
	t, created, err := n.createTenant(ctx, tenants.NewTenant{Name: r.Name, Slug: r.Slug, Email: r.Owner.Email, OwnerName: r.Owner.Name, TimeZone: r.TimeZone, Currency: r.Currency,
		Branding: tenants.Branding{PrimaryColor: r.Primary, SecondaryColor: r.Secondary, CompanyName: r.Name, SupportEmail: r.Support, SupportPhone: r.Phone, FromName: r.Name, FromEmail: r.Support}})
	if err != nil {
		return nil, err
	}
	if created {
		if err := n.takeOver(ctx, t, r); err != nil {
			return nil, err
		}
	}
	var patrons []patron
	for _, c := range r.Customers {
		user, err := n.demoCustomer(ctx, t, c)
		if err != nil {
			return nil, err
		}
		patrons = append(patrons, patron{Customer: c, tenant: t, user: user.ID, desktop: uuid.NewSHA1(user.ID, []byte(c.Plan))})
	}
	return patrons, nil
}

// takeOver does the owner's first steps: a password by the link of the welcome
// mail, and prices.
func (n *node) takeOver(ctx context.Context, t tenants.Tenant, r seed.Reseller) error {
	if err := n.settled(ctx); err != nil { // the welcome mail's link ends those before it
		return err
	}
	owner, err := n.accounts.ByEmail(ctx, t, r.Owner.Email)
	if err != nil {
		return err
	}
	var link string
	err = n.db.In(ctx, t, func(tx tenants.Tx) (err error) {
		link, err = n.accounts.NewToken(ctx, tx, owner.ID, accounts.PurposeReset)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := n.accounts.Reset(ctx, t, link, demoPassword); err != nil {
		return err
	}
	for plan, text := range r.Prices {
		price, err := decimal.NewFromString(text)
		if err != nil {
			return err
		}
		if _, err := n.billing.SetPlan(ctx, t, billing.PlanChange{Type: plan, PricePerHour: &price, Actor: r.Owner.Email}); err != nil {
			return err
		}
	}
	return n.agreeDemo(ctx, t, r)
}

func (n *node) demoCustomer(ctx context.Context, t tenants.Tenant, c seed.Customer) (accounts.User, error) {
	user, err := n.accounts.ByEmail(ctx, t, c.Email)
	if !fail.Is(err, fail.NotFound) {
		return user, err
	}
	user, _, err = n.accounts.Create(ctx, t, accounts.NewUser{Email: c.Email, Name: c.Name, Password: demoPassword, Actor: "the demonstration"})
	return user, err
}

// deeds is the whole history in order: credit at the start of each month, and
// sessions by everybody's habits. Chance is seeded, so every demonstration is the
// same. Without history everybody just gets their credit.
func (n *node) deeds(patrons []patron, began, present time.Time, months int) (all []deed) {
	for i, p := range patrons {
		chance := rand.New(rand.NewPCG(uint64(i), 20260801))
		for m := range months + 1 {
			first := time.Date(began.Year(), began.Month()+time.Month(m), 1, 12, 0, 0, 0, time.UTC)
			if !first.After(present) || m == 0 {
				all = append(all, n.creditDeed(p, first))
			}
		}
		if months > 0 {
			all = append(all, n.sessions(p, began, present, chance, i == 0)...)
		}
	}
	all = append(all, n.wholesaleDeeds(began, present, months)...)
	slices.SortStableFunc(all, func(a, b deed) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	return all
}

func (n *node) creditDeed(p patron, first time.Time) deed {
	return deed{at: first, do: func(ctx context.Context) error {
		amount, err := decimal.NewFromString(p.Credit)
		if err != nil {
			return err
		}
		return n.ledger.Grant(ctx, p.tenant, "the demonstration", p.user, amount, "Credit for "+first.Format("January 2006"), "demo:"+p.user.String()+first.Format(":2006-01"))
	}}
}

// sessions is when one customer works. The hero of the demonstration has a
// desktop running when it opens.
func (n *node) sessions(p patron, began, present time.Time, chance *rand.Rand, hero bool) (all []deed) {
	worked, turn := 0, 0
	for day := began.AddDate(0, 0, 1); day.Before(present.AddDate(0, 0, -1)); day = day.AddDate(0, 0, 1) {
		local := day.In(p.tenant.Zone)
		if !slices.Contains(p.Days, int(local.Weekday())) {
			continue
		}
		if turn++; turn%max(p.Every, 1) != 0 {
			continue
		}
		start := time.Date(local.Year(), local.Month(), local.Day(), p.Hour, chance.IntN(50), chance.IntN(60), 0, p.tenant.Zone).UTC()
		length := time.Duration(float64(p.Minutes)*(0.5+chance.Float64())*60) * time.Second
		if start.Add(length).After(present.Add(-6 * time.Hour)) {
			break
		}
		all = append(all, n.startDeed(p, start, worked == 0), n.stopDeed(p, start.Add(length)))
		worked++
	}
	if hero {
		all = append(all, n.startDeed(p, present.Add(-(97*time.Minute+12*time.Second)), worked == 0))
	}
	return all
}

func (n *node) startDeed(p patron, at time.Time, first bool) deed {
	return deed{at: at, do: func(ctx context.Context) error {
		if first {
			_, err := n.workspaces.Order(ctx, p.tenant, workspaces.Order{ID: p.desktop, UserID: p.user, PlanType: p.Plan, Template: p.Template, StartedBy: "customer"})
			return err
		}
		_, err := n.workspaces.Start(ctx, p.tenant, workspaces.Who{UserID: p.user}, p.desktop, "customer")
		return err
	}}
}

func (n *node) stopDeed(p patron, at time.Time) deed {
	return deed{at: at, do: func(ctx context.Context) error {
		_, err := n.workspaces.Stop(ctx, p.tenant, workspaces.Who{UserID: p.user}, p.desktop, "customer")
		return err
	}}
}
