package billing

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
)

// ShopTerms are a shop's own conditions of sale. Dunning and Bounds are the settings
// of those who go by them, as they are written down.
type ShopTerms struct {
	MinimumCredit decimal.Decimal // to order or start with (R16)
	Postpaid      bool            // who has a card may pay later
	FreeRestart   bool            // a restart inside a paid block costs nothing
	NumberFormat  string
	CreditFormat  string
	TermDays      int
	PaymentText   string // how to pay by transfer; it stands on invoices
	Dunning       string
	Bounds        string
}

// TermsChange says what to change of a shop's terms; nil leaves a thing as it is.
type TermsChange struct {
	MinimumCredit *decimal.Decimal
	Postpaid      *bool
	FreeRestart   *bool
	NumberFormat  *string // empty: the usual one
	CreditFormat  *string
	TermDays      *int
	PaymentText   *string
	Dunning       json.RawMessage
	Bounds        json.RawMessage
	Actor         string
}

// longestTerm and longestPaymentText bound what a slip of the pen can do.
const (
	longestTerm        = 365
	longestPaymentText = 2000
)

func (c TermsChange) check(currency string) error {
	wrong := fail.Fields{}
	if m := c.MinimumCredit; m != nil && (m.IsNegative() || m.GreaterThan(decimal.NewFromInt(1_000_000)) || !m.Equal(money.Round(*m, currency))) {
		wrong.Add("minimum_credit", "Enter an amount from 0, in steps of %s.", money.Of(money.Unit(currency), currency).Format())
	}
	if c.TermDays != nil && (*c.TermDays < 0 || *c.TermDays > longestTerm) {
		wrong.Add("term_days", "Give 0 to %d days.", longestTerm)
	}
	if c.PaymentText != nil && len(*c.PaymentText) > longestPaymentText {
		wrong.Add("payment_text", "Use at most %d characters.", longestPaymentText)
	}
	for field, format := range map[string]*string{"invoice_number_format": c.NumberFormat, "credit_note_number_format": c.CreditFormat} {
		if format != nil && *format != "" {
			if err, ok := CheckNumberFormat(field, *format).(*fail.Error); ok { //nolint:errorlint // it is made there
				wrong.Add(field, "%s", err.Fields[field])
			}
		}
	}
	if c.NumberFormat != nil && c.CreditFormat != nil && *c.NumberFormat != "" && *c.NumberFormat == *c.CreditFormat {
		wrong.Add("credit_note_number_format", "Credit notes need numbers of their own: use other letters than for invoices.")
	}
	return wrong.Err()
}

// settings are the change as it is written down.
func (c TermsChange) settings() map[string]any {
	set := map[string]any{}
	if c.MinimumCredit != nil {
		set["minimum_credit"] = c.MinimumCredit.String()
	}
	if c.Postpaid != nil {
		set["postpaid_allowed"] = *c.Postpaid
	}
	if c.FreeRestart != nil {
		set["free_restart"] = *c.FreeRestart
	}
	if c.TermDays != nil {
		set["term_days"] = *c.TermDays
	}
	for key, text := range map[string]*string{"invoice_number_format": c.NumberFormat, "credit_note_number_format": c.CreditFormat, PaymentTextSetting: c.PaymentText} {
		if text != nil {
			set[key] = *text
		}
	}
	for key, raw := range map[string]json.RawMessage{"dunning": c.Dunning, "bounds": c.Bounds} {
		if raw != nil {
			set[key] = raw
		}
	}
	return set
}

// SetTerms changes a shop's terms; documents that are made stay as they are. Errors:
// Invalid (minimum_credit, term_days, invoice_number_format,
// credit_note_number_format, payment_text).
func (s *Service) SetTerms(ctx context.Context, t tenants.Tenant, c TermsChange) (ShopTerms, error) {
	if err := c.check(t.Currency); err != nil {
		return ShopTerms{}, err
	}
	set := c.settings()
	err := s.db.In(ctx, t, func(tx tenants.Tx) error {
		if len(set) == 0 {
			return nil
		}
		if err := saveSettings(ctx, tx, set); err != nil {
			return err
		}
		return audit(ctx, tx, c.Actor, "terms.changed", t.Slug, set)
	})
	if err != nil {
		return ShopTerms{}, err
	}
	return s.Terms(ctx, t)
}

// Terms reads a shop's terms, the usual ones where it has set none.
func (s *Service) Terms(ctx context.Context, t tenants.Tenant) (ShopTerms, error) {
	var rows []setting
	if err := s.db.Read(ctx, t, settingsQ(&rows)); err != nil {
		return ShopTerms{}, err
	}
	set := map[string]string{}
	for _, r := range rows {
		set[r.Key] = r.Value
	}
	or := func(key, otherwise string) string {
		if v := set[key]; v != "" {
			return v
		}
		return otherwise
	}
	terms := ShopTerms{
		Postpaid:     or("postpaid_allowed", "true") != "false",
		FreeRestart:  or("free_restart", "false") == "true",
		NumberFormat: or("invoice_number_format", invoiceSeries(or("invoice_prefix", "INV")).format),
		CreditFormat: or("credit_note_number_format", creditSeries().format),
		PaymentText:  set[PaymentTextSetting], Dunning: set["dunning"], Bounds: set["bounds"],
	}
	var err error
	if terms.MinimumCredit, err = decimal.NewFromString(or("minimum_credit", "5.00")); err != nil {
		return terms, fmt.Errorf("the setting minimum_credit is no amount: %w", err)
	}
	if terms.TermDays, err = strconv.Atoi(or("term_days", defaultTerm)); err != nil {
		return terms, fmt.Errorf("the setting term_days is no number: %w", err)
	}
	return terms, nil
}
