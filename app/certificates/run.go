package certificates

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"golang.org/x/sync/errgroup"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

const (
	lookEvery = time.Minute
	tidyEvery = 24 * time.Hour
	unowned   = 30 * 24 * time.Hour    // how long a certificate is kept that nobody may use
	settle    = 100 * time.Millisecond // several changes of shops are one look
	atOnce    = 4                      // orders that this node makes at the same time by itself
)

// Run takes the stored certificates into memory, where they are renewed in time,
// follows what other nodes obtain, replace and delete, and obtains certificates for
// names as soon as they are proven, until the context ends.
func (a *Authority) Run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	wake := func(string) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() { _ = a.cfg.DB.Listen(ctx, "ezscale_tenants", wake) })
	listening.Go(func() { _ = a.cfg.DB.Listen(ctx, "ezscale_certificates", func(key string) { a.follow(ctx, key) }) })
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	tidied := a.cfg.Now()
	for {
		if err := a.look(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("names without a certificate were not looked at", "error", err)
		}
		if a.cfg.Now().Sub(tidied) > tidyEvery {
			tidied = a.cfg.Now()
			if err := a.tidy(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("old certificates were not removed", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		case <-changed:
			if pause(ctx, settle) != nil {
				return ctx.Err()
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// look obtains what is missing: the installation's own certificate, and those of
// proven names. Shops below the central domain get theirs with their first visitor
// (or share the wildcard): an authority gives a domain only so many a week.
func (a *Authority) look(ctx context.Context) error {
	names, err := waitingNames(ctx, a.cfg.DB)
	if err != nil {
		return err
	}
	for _, own := range a.own() {
		if a.cached(own) == nil {
			names = append(names, own)
		}
	}
	var orders errgroup.Group
	orders.SetLimit(atOnce)
	for _, name := range names {
		if ctx.Err() != nil {
			break
		}
		orders.Go(func() error { a.try(ctx, name); return nil })
	}
	return orders.Wait()
}

func (a *Authority) own() []string {
	if !strings.Contains(a.cfg.Domain, ".") {
		return nil // localhost: no authority knows it
	}
	if a.wild == nil {
		return []string{a.cfg.Domain}
	}
	return []string{a.cfg.Domain, a.wildcard()}
}

// try is Obtain for a name that nobody waits for: it keeps to the name's back-off.
func (a *Authority) try(ctx context.Context, name string) {
	o, ok := a.owner(name)
	if !ok {
		return // the list of shops in memory is a moment behind; it wakes us when it is not
	}
	subject := a.subject(name)
	if a.waits.reason(subject) != nil {
		return
	}
	if err := a.mayTry(ctx, subject); err != nil {
		return
	}
	_, err, _ := a.obtains.Do(subject, func() (any, error) { return nil, a.obtain(ctx, subject, o) })
	if err != nil && ctx.Err() == nil && fail.KindOf(err) == fail.Internal {
		a.log.Warn("a certificate was not obtained", "domain", name, "error", err)
	}
}

// follow learns what happened to a stored certificate. An empty key means that
// something may have been missed, so everything is looked at.
func (a *Authority) follow(ctx context.Context, key string) {
	if key == "" {
		a.loadAll(ctx)
		return
	}
	if subject, ok := subjectOf(key); ok {
		a.refresh(ctx, subject)
	}
}

func (a *Authority) loadAll(ctx context.Context) {
	keys, err := a.storage.List(ctx, "certificates", true)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		if ctx.Err() == nil {
			a.log.Warn("the stored certificates were not loaded", "error", err)
		}
		return
	}
	for _, key := range keys {
		if subject, ok := subjectOf(key); ok && ctx.Err() == nil {
			a.refresh(ctx, subject)
		}
	}
}

// refresh makes memory agree with what is stored of a subject. One whose host is no
// longer proven is not kept in memory, so that nobody renews it.
func (a *Authority) refresh(ctx context.Context, subject string) {
	o, ok := a.owner(subject)
	if !ok || !o.central && o.tenant.Status == tenants.Closed {
		a.drop(subject)
		return
	}
	a.waits.clear(subject)
	err := a.load(ctx, subject)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		a.drop(subject)
	case err != nil && ctx.Err() == nil:
		a.log.Warn("a stored certificate was not loaded", "subject", subject, "error", err)
	}
}

// drop takes a certificate out of memory.
func (a *Authority) drop(subject string) {
	var hashes []string
	for _, c := range a.cache.AllMatchingCertificates(subject) {
		if len(c.Names) > 0 && c.Names[0] == subject {
			hashes = append(hashes, c.Hash())
		}
	}
	a.cache.Remove(hashes)
}

// subjectOf is whose certificate a stored key is part of: the last part that is
// written, and the first that is deleted.
func subjectOf(key string) (string, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 4 || parts[0] != "certificates" || parts[3] != parts[2]+".json" {
		return "", false
	}
	if below, ok := strings.CutPrefix(parts[2], "wildcard_."); ok {
		return "*." + below, true
	}
	return parts[2], true
}

// Remove forgets the certificate of a name that a shop gave up, on every node.
func (a *Authority) Remove(ctx context.Context, domain string) error {
	name, err := tenants.NormalHost(domain)
	if err != nil {
		return fail.Missing("domain")
	}
	if err := a.cfg.DB.Registry().Refresh(ctx); err != nil {
		return err
	}
	if _, ok := a.owner(name); ok {
		return nil // taken up again meanwhile, by this shop or by another
	}
	a.drop(name)
	return a.storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(a.issuer.IssuerKey(), name))
}

// tidy removes orders that no limit looks at, and certificates whose hosts have long
// belonged to nobody.
func (a *Authority) tidy(ctx context.Context) error {
	if err := forgetOrders(ctx, a.cfg.DB); err != nil {
		return err
	}
	entries, err := entriesBelow(ctx, a.cfg.DB, "certificates")
	if err != nil {
		return err
	}
	for _, e := range entries {
		subject, ok := subjectOf(e.Key)
		if !ok || a.cfg.Now().Sub(e.Modified) < unowned {
			continue
		}
		if _, owned := a.owner(subject); !owned {
			if err := a.storage.Delete(ctx, e.Key[:strings.LastIndexByte(e.Key, '/')]); err != nil {
				return err
			}
		}
	}
	return nil
}
