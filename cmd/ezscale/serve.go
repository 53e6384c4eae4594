package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/activity"
	"github.com/ezscale/ezscale/app/branding"
	"github.com/ezscale/ezscale/app/bus"
	"github.com/ezscale/ezscale/app/clock"
	shopconsole "github.com/ezscale/ezscale/app/console"
	"github.com/ezscale/ezscale/app/documents"
	"github.com/ezscale/ezscale/app/dunning"
	"github.com/ezscale/ezscale/app/files"
	"github.com/ezscale/ezscale/app/hosts"
	"github.com/ezscale/ezscale/app/idempotency"
	"github.com/ezscale/ezscale/app/live"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/app/metering"
	"github.com/ezscale/ezscale/app/notify"
	"github.com/ezscale/ezscale/app/onboarding"
	"github.com/ezscale/ezscale/app/parking"
	"github.com/ezscale/ezscale/app/payments"
	"github.com/ezscale/ezscale/app/pricing"
	"github.com/ezscale/ezscale/app/testclock"
	"github.com/ezscale/ezscale/app/web"
	"github.com/ezscale/ezscale/app/webhooks"
	"github.com/ezscale/ezscale/app/wholesale"
	"github.com/ezscale/ezscale/app/worker"
	"github.com/ezscale/ezscale/app/workspaces"
	"github.com/ezscale/ezscale/tenants"
)

type serveCmd struct{}

// Run serves until it is told to stop.
func (serveCmd) Run(c *console) error {
	n, err := c.boot(bootOptions{})
	if err != nil {
		return err
	}
	house, _ := n.db.Registry().House()
	c.log.Info("ready", "address", n.link(house, ""), "listens_on", n.listener.Addr().String())
	return n.run(c.ctx)
}

// bootOptions are what the demonstration wants otherwise.
type bootOptions struct {
	install bool      // may install Postgres
	sim     bool      // with the built-in simulator, unless a Kasm server is named
	outbox  bool      // show the sent mail on a page
	cards   bool      // with a card processor of its own, unless one is named
	began   time.Time // business time of a first start; zero is the present
}

// node is one running process: the installation and everything that works on it.
type node struct {
	*installation
	console    *console
	listener   net.Listener
	edge       edge
	sim        *simulator
	processor  *processor // nil but in the demonstration
	bus        *bus.Bus
	hub        *live.Hub
	workspaces *workspaces.Service
	reconciler *workspaces.Reconciler
	notify     *notify.Service
	payments   *payments.Service
	dunning    *dunning.Service
	parking    *parking.Service
	webhooks   *webhooks.Service
	files      *files.Store
	branding   *branding.Service
	outbox     *mail.Folder
	stepper    *testclock.Stepper // nil in production
}

// boot opens everything in the order in which it depends on each other; nothing
// runs yet.
func (c *console) boot(o bootOptions) (*node, error) {
	n := &node{console: c}
	if err := n.bootParts(o); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *node) bootParts(o bootOptions) (err error) {
	c := n.console
	if n.listener, err = listen("the web server", c.config.HTTPAddr); err != nil {
		return err
	}
	if err := n.listenHTTPS(); err != nil {
		return err
	}
	if n.installation, err = c.open(purpose{serve: true, install: o.install, migrate: true}); err != nil {
		return err
	}
	if err := n.bootHosts(o); err != nil {
		return err
	}
	if err := n.bootClock(o); err != nil {
		return err
	}
	if o.cards && c.config.StripeBase == "" {
		if n.processor, err = c.startProcessor(); err != nil {
			return err
		}
	}
	if err := n.ensureHouse(c.ctx); err != nil {
		return err
	}
	if err := n.wholesale.EnsureAll(c.ctx); err != nil {
		return err
	}
	if err := n.lifecycle.EnsureAll(c.ctx); err != nil {
		return err
	}
	if err := n.domains.EnsureAll(c.ctx); err != nil {
		return err
	}
	sender, err := n.bootMail(o)
	if err != nil {
		return err
	}
	if err := n.bootCertificates(); err != nil {
		return err
	}
	return n.bootWork(sender)
}

// ensureHouse makes the provider's own shop, which the central host serves.
func (n *node) ensureHouse(ctx context.Context) error {
	if _, ok := n.db.Registry().House(); ok {
		return nil
	}
	domain := n.console.config.Domain
	if domain == "localhost" {
		domain = "localhost.test"
	}
	_, _, err := n.db.Create(ctx, tenants.NewTenant{Name: "EZSCALE", Slug: "house", Email: "house@" + domain, House: true},
		func(ctx context.Context, tx tenants.Tx) (uuid.UUID, error) {
			return uuid.Nil, n.billing.EnsureCycleDue(ctx, tx)
		})
	if err != nil {
		return fmt.Errorf("make the provider's own shop: %w", err)
	}
	return nil
}

// bootHosts names the desktop host: the configured Kasm server, or the built-in
// simulator. Servers that operators added stay as they are.
func (n *node) bootHosts(o bootOptions) (err error) {
	c := n.console
	if c.config.KasmURL == "" && o.sim {
		if n.sim, err = c.startSim(); err != nil {
			return err
		}
		c.config.KasmURL, c.config.KasmKey, c.config.KasmKeySecret = n.sim.url(), n.sim.Key(), Secret(n.sim.Secret())
	}
	if c.config.KasmURL == "" {
		return nil
	}
	_, err = n.hosts.Ensure(c.ctx, hosts.Entry{Name: "default", Kind: hosts.Kasm, URL: c.config.KasmURL, Key: c.config.KasmKey, Secret: string(c.config.KasmKeySecret),
		Auth: c.config.KasmAuth, Insecure: c.config.KasmInsecure, Simulator: testclock.IsSimulator(c.ctx, c.config.KasmURL)})
	return err
}

// bootClock makes business time movable, where nothing real depends on it.
func (n *node) bootClock(o bootOptions) (err error) {
	c := n.console
	if !c.config.TestClock {
		return nil
	}
	switch {
	case c.config.KasmURL == "" || !testclock.IsSimulator(c.ctx, c.config.KasmURL):
		return errors.New("EZSCALE_TEST_CLOCK works with the Kasm simulator only: real desktops run in real time; unset it")
	case !loopback(c.config.HTTPAddr):
		return errors.New("EZSCALE_TEST_CLOCK works on a loopback address only: set EZSCALE_HTTP_ADDR to 127.0.0.1:8080, or unset it")
	}
	if n.clock != n.movable && !o.began.IsZero() {
		n.movable.Set(o.began, 1)
	}
	n.clock = n.movable
	n.stepper, err = testclock.New(c.ctx, n.db, n.movable, testclock.SimulatorAt(c.config.KasmURL), c.log)
	return err
}

func (n *node) bootMail(o bootOptions) (mail.Sender, error) {
	c := n.console
	if c.config.SMTPURL != "" {
		return mail.NewSMTP(string(c.config.SMTPURL), clock.Wall{}.Now)
	}
	folder, err := mail.NewFolder(filepath.Join(c.config.DataDir, "mail"), clock.Wall{}.Now)
	if err == nil && o.outbox {
		n.outbox = folder
	}
	return folder, err
}

// drain is how long a handler may still take when the program is told to stop: one
// that is cut short does its work again at the next start.
const drain = 2 * time.Second

// bootWork makes the domains and the bus that connects them.
func (n *node) bootWork(sender mail.Sender) (err error) {
	c := n.console
	if err := n.bootBrand(); err != nil {
		return err
	}
	if n.notify, err = notify.New(notify.Config{DB: n.db, Accounts: n.accounts, Sender: sender, Key: n.key, Papers: &documents.Clerk{DB: n.db, Links: n.link, Logos: n.branding.LogoFile}, Links: n.link, DiscordURL: string(c.config.DiscordURL), Log: c.log}); err != nil {
		return err
	}
	n.workspaces = workspaces.New(workspaces.Config{DB: n.db, Clock: n.installation, Wall: clock.Wall{}.Now, Credit: n.ledger, Terms: n.billing, Meter: metering.NewService(c.log).Reporting(n.billing).PaidFrom(n.ledger),
		Fleet: n.hosts, Sealer: n.key, Log: c.log,
		AccessURL: func(t tenants.Tenant, id uuid.UUID) string { return n.link(t, "/workspaces/"+id.String()+"/launch") }})
	n.reconciler = workspaces.NewReconciler(n.workspaces)
	n.bootMoney()
	n.bus, err = bus.Open(c.ctx, bus.Options{DB: n.db, URL: string(c.config.NATSURL), Dir: filepath.Join(c.config.DataDir, "nats"), Clock: n.installation, Log: c.log, Drain: drain,
		OnDeadLetter: n.notify.OnDeadLetter})
	if err != nil {
		return err
	}
	n.hub = live.NewHub()
	if n.stepper != nil {
		n.stepper.Drive(n.bus, n.reconciler)
	}
	return nil
}

// bootMoney makes what collects and checks: the books themselves belong to the
// installation.
func (n *node) bootMoney() {
	c := n.console
	n.payments = payments.New(payments.Config{DB: n.db, Clock: n.installation, Wall: clock.Wall{}.Now, Ledger: n.ledger, Billing: n.billing, Sealer: n.key,
		House: payments.Keys{Secret: string(c.config.StripeKey), Webhook: string(c.config.StripeWebhook)}, APIBase: c.config.StripeBase, Links: n.link, Log: c.log,
		Collected: func(ctx context.Context, invoice uuid.UUID, reference string) error {
			_, err := n.wholesale.Settle(ctx, invoice, wholesale.Payment{By: "processor", Reference: reference})
			return err
		}})
	n.billing.RefundBy(n.payments)
	n.dunning = dunning.New(dunning.Config{DB: n.db, Clock: n.installation, Desktops: n.workspaces, Charger: n.payments, Log: c.log})
	n.webhooks = webhooks.New(webhooks.Config{DB: n.db, Sealer: n.key, Clock: n.installation, Wall: clock.Wall{}.Now, Log: c.log, Loopback: c.config.TestClock})
	n.parking = parking.New(parking.Config{DB: n.db, Clock: n.installation, Desktops: n.workspaces, Log: c.log})
}

// run works until the context ends.
func (n *node) run(ctx context.Context) error {
	wait, err := n.start(ctx)
	if err != nil {
		return err
	}
	return wait()
}

// start begins to serve and to work. wait returns when all of it has ended, then
// closes in the opposite order of booting: the stream, the simulator, the database.
func (n *node) start(ctx context.Context) (wait func() error, err error) {
	handler, err := web.New(n.webDeps())
	if err != nil {
		return nil, errors.Join(err, n.close())
	}
	group, ctx := errgroup.WithContext(ctx)
	n.serveAll(ctx, group, handler)
	n.work(ctx, group)
	return func() error { return errors.Join(group.Wait(), n.close()) }, nil
}

// work starts everything that runs beside the requests.
func (n *node) work(ctx context.Context, group *errgroup.Group) {
	group.Go(func() error { return n.bus.Run(ctx, worker.Table(n.consumers())) })
	group.Go(func() error { return untilDone(ctx, n.hub.Run(ctx, n.bus)) })
	group.Go(func() error { return untilDone(ctx, n.reconciler.Run(ctx)) })
	group.Go(func() error { return untilDone(ctx, n.hosts.Run(ctx)) })
	group.Go(func() error { n.sweep(ctx); return nil })
	if n.sim != nil {
		group.Go(func() error { return n.sim.wait(ctx) })
	}
}

func (n *node) consumers() worker.Workers {
	return worker.Workers{Workspaces: n.workspaces, Reconciler: n.reconciler, Ledger: n.ledger, Billing: n.billing, Payments: n.payments, Wholesale: n.wholesale, Dunning: n.dunning,
		Parking: n.parking, Notify: n.notify, Lifecycle: n.lifecycle, Erasure: n.erasureOf(), Certificates: n.edge.authority, Domains: n.domains, Webhooks: n.webhooks}
}

func untilDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

const sweepEvery = time.Hour

// sweep throws away what has run out: sign-in sessions and spent limits.
func (n *node) sweep(ctx context.Context) {
	again := time.NewTicker(sweepEvery)
	defer again.Stop()
	for {
		if _, err := n.db.SessionStore().Sweep(ctx); err != nil && ctx.Err() == nil {
			n.console.log.Warn("old sessions were not removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

func (n *node) webDeps() web.Deps {
	d := web.Deps{DB: n.db, Registry: n.db.Registry(), Accounts: n.accounts, Workspaces: n.workspaces, Hosts: n.hosts, Ledger: n.ledger, Billing: n.billing, Payments: n.payments, Wholesale: n.wholesale, Domains: n.domains, Issuer: n.issuer(), Lifecycle: n.lifecycle, Erasure: n.erasureOf(), Archive: n.archives(), Pricing: pricing.New(n.db), Onboarding: onboarding.New(n.db), Activity: activity.New(n.db), Dunning: n.dunning, Parking: n.parking, Console: shopconsole.New(shopconsole.Config{DB: n.db, Desktops: n.workspaces, Wall: clock.Wall{}.Now}), Branding: n.branding, Webhooks: n.webhooks, Bus: n.bus, Live: n.hub,
		Repeats: idempotency.New(n.db, n.key, clock.Wall{}.Now), Clock: n.installation, Log: n.console.log, Secure: n.secure(),
		Key: n.key, TrustedProxies: n.console.config.TrustedProxies, Outbox: n.outbox, Links: n.link,
		Ready: n.ready, Metrics: metricsHandler(n.bus, n.hub), MetricsToken: string(n.console.config.MetricsToken)}
	if n.stepper != nil {
		d.TestClock = n.stepper
	}
	return d
}

// answerWithin is how long the answer may take: what hangs is not ready.
const answerWithin = 3 * time.Second

// ready says whether requests can be served.
func (n *node) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var one []int
	if err := n.db.CentralRead(ctx, tenants.ListQ(&one, "-- ready\nselect 1")); err != nil {
		return err
	}
	return n.bus.Ready(ctx)
}

func (n *node) close() error {
	var errs []error
	if n.bus != nil {
		errs = append(errs, n.bus.Close())
	}
	if n.sim != nil {
		errs = append(errs, n.sim.close())
	}
	errs = append(errs, n.stopProcessor())
	if n.files != nil {
		errs = append(errs, n.files.Close())
	}
	n.closeEdge()
	if n.installation != nil {
		errs = append(errs, n.installation.close())
	}
	if n.listener != nil {
		_ = n.listener.Close()
	}
	return errors.Join(errs...)
}
