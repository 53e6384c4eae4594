package tenants

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Each calls fn for every tenant, a few at a time. One that fails or panics does
// not stop the others; the errors come back joined, each with its tenant's slug.
func (db *DB) Each(ctx context.Context, fn func(context.Context, Tenant) error) error {
	var (
		all  = db.registry.All()
		errs = make([]error, len(all))
		next = make(chan int)
		done sync.WaitGroup
	)
	for range min(len(all), max(1, int(db.app.Config().MaxConns)/2)) {
		done.Go(func() {
			for i := range next {
				errs[i] = guarded(ctx, all[i], fn)
			}
		})
	}
	for i := range all {
		if errs[i] = ctx.Err(); errs[i] == nil {
			next <- i
		}
	}
	close(next)
	done.Wait()
	return errors.Join(errs...)
}

func guarded(ctx context.Context, t Tenant, fn func(context.Context, Tenant) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if err != nil {
			err = fmt.Errorf("tenant %s: %w", t.Slug, err)
		}
	}()
	return fn(ctx, t)
}
