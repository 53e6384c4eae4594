package tenants

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ezscale/ezscale/app/fail"
)

func TestErrorsThatPassByThemselves(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err                 error
		unavailable, cutOff bool
	}{
		{io.ErrUnexpectedEOF, true, true},
		{fmt.Errorf("write failed: %w", &net.OpError{Op: "write", Net: "unix", Err: syscall.EPIPE}), true, true},
		{&pgconn.PgError{Code: "57P01"}, true, false},
		{&pgconn.PgError{Code: "55P03"}, true, false},
		{&pgconn.PgError{Code: "23505"}, false, false},
		{errors.New("cannot scan"), false, false},
		{fail.Missing("plan"), false, false},
	} {
		got := fault(context.Background(), "-- name\nselect 1", c.err)
		if fail.Is(got, fail.Unavailable) != c.unavailable || IsCutOff(got) != c.cutOff || !errors.Is(got, c.err) {
			t.Errorf("%v: %v, unavailable %v, cut off %v", c.err, got, fail.Is(got, fail.Unavailable), IsCutOff(got))
		}
	}
}
