package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/tenants"
)

// limit is how often a thing may be tried in a window of wall time.
type limit struct {
	most   int
	window time.Duration
}

// act is something that a stranger can repeat, with its two limits: for one
// address, and for one machine (many people may share one).
type act struct {
	name      string
	mail, net limit
}

type limits struct{ signIn, register, forgot, resend, invite act }

func defaultLimits() limits {
	const quarter = 15 * time.Minute
	return limits{
		signIn:   act{"sign-in", limit{8, quarter}, limit{40, quarter}},
		register: act{"register", limit{5, time.Hour}, limit{60, time.Hour}},
		forgot:   act{"forgot", limit{5, time.Hour}, limit{40, time.Hour}},
		resend:   act{"resend", limit{5, time.Hour}, limit{40, time.Hour}},
		invite:   act{"invite", limit{5, time.Hour}, limit{60, time.Hour}},
	}
}

// bucket counts one act of one address or machine at one door. Its name holds
// only a hash, so that the table tells nobody who tried to sign in.
type bucket struct {
	name string
	limit
}

// buckets of an act, in the order of their names, in which every transaction
// locks them. door is a shop's id, "reseller" or "operator".
func (a act) buckets(door, email, ip string) []bucket {
	return []bucket{
		{bucketName(a.name, "net", door, network(ip)), a.net},
		{bucketName(a.name, "person", door, email), a.mail},
	}
}

func bucketName(act, kind, door, who string) string {
	sum := sha256.Sum256([]byte(door + "\x00" + who))
	return act + ":" + kind + ":" + hex.EncodeToString(sum[:16])
}

// network is what an attempt is counted under: an IPv4 address, or the /64 of
// an IPv6 address, since one machine has that many.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		prefix, _ := addr.Prefix(64)
		return prefix.String()
	}
	return addr.String()
}

// spend counts one more try before it is made, so that tries at the same moment
// cannot pass the limit together. Too many is fail.TooMany, with the minutes
// until the window ends.
func (s *Service) spend(ctx context.Context, a act, door, email, ip string) error {
	now, buckets := s.wall(), a.buckets(door, email, ip)
	var counts []tries
	err := s.db.Central(ctx, func(tx tenants.CentralTx) (err error) {
		counts, err = countTries(ctx, tx, buckets, now)
		return err
	})
	if err != nil {
		return err
	}
	var wait time.Duration
	for _, c := range counts {
		i := slices.IndexFunc(buckets, func(b bucket) bool { return b.name == c.Bucket })
		if i >= 0 && c.Count > buckets[i].most {
			wait = max(wait, c.ExpiresAt.Sub(now))
		}
	}
	if wait <= 0 {
		return nil
	}
	minutes := int(math.Ceil(wait.Minutes()))
	return fail.Coded(fail.TooMany, "too_many_attempts", "Too many attempts. Try again in %s.", countOf(minutes, "minute"))
}

// settle forgives the person's tries after a success, and takes this one back
// from the machine's count: only failures add up.
func (s *Service) settle(ctx context.Context, a act, door, email, ip string) error {
	b := a.buckets(door, email, ip)
	return s.db.Central(ctx, func(tx tenants.CentralTx) error {
		return forgive(ctx, tx, b[0].name, b[1].name)
	})
}

func countOf(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
