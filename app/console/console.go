// Package console is what a reseller's people see and do about all of their
// customers at once: figures, lists of people and desktops, suspending somebody.
package console

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// Desktops is what a suspension does to a customer's desktops: what runs stops at
// the end of its paid block, and a stop that has not come yet is taken back.
type Desktops interface {
	SuspendCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID, why string) error
	ResumeCustomer(ctx context.Context, tx tenants.Tx, user uuid.UUID) error
}

// Config is what a Service needs.
type Config struct {
	DB       *tenants.DB
	Desktops Desktops
	Wall     func() time.Time
}

// Service changes how customers stand, and lets staff see what they see.
type Service struct {
	Config
	rolling sync.Map // the ids of shops whose use is being summed up
}

// New makes a Service.
func New(c Config) *Service { return &Service{Config: c} }

// why is the reason under which desktops are stopped, as sessions show it.
const why = "suspended"

// Suspend closes a customer's account for the time being: nobody signs in or starts
// anything, and running desktops stop at the end of their paid block. Errors:
// Invalid (reason), NotFound, Conflict for somebody who is no customer.
func (s *Service) Suspend(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, reason string) error {
	return s.turn(ctx, t, actor, id, reason, "suspended")
}

// Resume takes a suspension back. Errors as of Suspend.
func (s *Service) Resume(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, reason string) error {
	return s.turn(ctx, t, actor, id, reason, "active")
}

func (s *Service) turn(ctx context.Context, t tenants.Tenant, actor string, id uuid.UUID, reason, to string) error {
	reason, err := CheckReason(reason)
	if err != nil {
		return err
	}
	return s.DB.In(ctx, t, func(tx tenants.Tx) error {
		was, err := lockCustomer(ctx, tx, id)
		if err != nil {
			return err
		}
		switch {
		case was.Role != "customer":
			return fail.New(fail.Conflict, "Only customers can be suspended here.")
		case was.Status == "closed":
			return fail.New(fail.Conflict, "This account is closed.")
		case was.Status == to:
			return nil
		}
		if err := setStatus(ctx, tx, id, to); err != nil {
			return err
		}
		if to == "suspended" {
			err = s.Desktops.SuspendCustomer(ctx, tx, id, why)
		} else if !was.Held {
			err = s.Desktops.ResumeCustomer(ctx, tx, id)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, actor, "customer."+map[string]string{"suspended": "suspended", "active": "resumed"}[to], id, map[string]string{"reason": reason})
	})
}

// CheckReason asks for a reason of at most 200 plain characters. Errors: Invalid (reason).
func CheckReason(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	switch n := utf8.RuneCountInString(reason); {
	case n == 0:
		return "", fail.Fields{"reason": "Say why, in a few words."}.Err()
	case n > 200 || !utf8.ValidString(reason) || strings.ContainsFunc(reason, func(r rune) bool { return r < ' ' }):
		return "", fail.Fields{"reason": "Use at most 200 plain characters."}.Err()
	}
	return reason, nil
}

// Customer is one line of the list of customers.
type Customer struct {
	ID         uuid.UUID       `db:"id"`
	Name       string          `db:"name"`
	Email      string          `db:"email"`
	State      string          `db:"state"` // active, suspended, closed, unpaid or parked
	Confirmed  bool            `db:"confirmed"`
	CreatedAt  time.Time       `db:"created_at"`
	Credit     decimal.Decimal `db:"credit"` // paid and bonus
	Desktops   int             `db:"desktops"`
	Running    int             `db:"running"`
	LastUsedAt *time.Time      `db:"last_used_at"`
}

// Desktop is one line of the list of all desktops of a shop.
type Desktop struct {
	ID           uuid.UUID       `db:"id"`
	UserID       uuid.UUID       `db:"user_id"`
	Name         string          `db:"name"`
	Email        string          `db:"email"`
	Plan         string          `db:"plan"`
	Template     string          `db:"template"`
	Status       string          `db:"status"`
	Started      bool            `db:"started"` // provisioned before, so that it starts again
	Rate         decimal.Decimal `db:"rate"`
	Currency     string          `db:"currency"`
	CreatedAt    time.Time       `db:"created_at"`
	RunningSince *time.Time      `db:"running_since"`
}

// Figures are what was used in some span, on both sides of the shop's account.
type Figures struct {
	Retail    decimal.Decimal `db:"retail"`
	Wholesale decimal.Decimal `db:"wholesale"`
	Seconds   int64           `db:"seconds"`
}

// Margin is what stays with the shop, before the provider's fees: the difference of
// the two amounts as people read them, so that it is what they get when they subtract.
func (f Figures) Margin(currency string) decimal.Decimal {
	return money.Round(f.Retail, currency).Sub(money.Round(f.Wholesale, currency))
}

// Percent is the margin in whole percent of the revenue, 0 without any.
func (f Figures) Percent(currency string) int {
	if f.Retail.IsZero() {
		return 0
	}
	return int(f.Margin(currency).Mul(decimal.NewFromInt(100)).Div(f.Retail).Round(0).IntPart())
}

// Plus adds the figures of another span.
func (f Figures) Plus(o Figures) Figures {
	return Figures{f.Retail.Add(o.Retail), f.Wholesale.Add(o.Wholesale), f.Seconds + o.Seconds}
}

// Day is one day in the shop's own time zone.
type Day struct {
	Date time.Time `db:"day"`
	Figures
}

// Newcomers are the customers of one day.
type Newcomers struct {
	Date  time.Time `db:"day"`
	Count int64     `db:"customers"`
}

// Part is one plan's or one customer's share of a span.
type Part struct {
	ID    uuid.UUID `db:"id"`
	Name  string    `db:"name"`
	Email string    `db:"email"`
	Figures
}

// Crowd counts a shop's customers, who of them used anything in a span, and their
// desktops.
type Crowd struct {
	Customers int64 `db:"customers"`
	Buyers    int64 `db:"buyers"`
	Desktops  int64 `db:"desktops"`
	Running   int64 `db:"running"`
}

// Search is one page of a list, from the newest down.
type Search struct {
	Text   string
	State  string
	Cursor string
	Limit  int
}

// Cursor is where the page after a line begins.
func Cursor(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(at.UnixMicro(), 10) + "." + id.String()))
}

type keys struct {
	pattern string
	before  *time.Time
	id      *uuid.UUID
}

func (s Search) keys() (k keys, err error) {
	text := strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(strings.ToLower(s.Text)), "\x00", ""), "")
	if text != "" {
		k.pattern = "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	}
	if s.Cursor == "" {
		return k, nil
	}
	raw, _ := base64.RawURLEncoding.DecodeString(s.Cursor)
	micros, rest, _ := strings.Cut(string(raw), ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	id, wrong := uuid.Parse(rest)
	if err != nil || wrong != nil || n < 0 || n > 1<<53 {
		return k, fail.New(fail.BadRequest, "This page of the list is not known. Start from the first one.")
	}
	at := time.UnixMicro(n).UTC()
	k.before, k.id = &at, &id
	return k, nil
}
