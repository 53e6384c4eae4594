// Package money is the product's arithmetic of amounts: exact decimals that
// know their currency, rounded in one place, written for people and for
// programs. There is no float in it, and none may be brought to it.
//
// Two kinds of figure are told apart. An Exact is what usage costs before
// anybody rounds: it may have more decimals than can be written down. An Amount
// is a figure of a document or an account, usually a whole number of the
// currency's smallest unit.
package money

import (
	"fmt"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"
)

// maxPlaces is how many decimals are kept and shown of a figure that is finer
// than its currency.
const maxPlaces = 6

// Amount is a decimal in a currency (an ISO 4217 code in capitals).
type Amount struct {
	D        decimal.Decimal
	Currency string
}

// Of makes an amount; it rounds nothing.
func Of(d decimal.Decimal, currency string) Amount { return Amount{D: d, Currency: currency} }

// Zero is nothing, in a currency.
func Zero(currency string) Amount { return Amount{Currency: currency} }

// Parse reads a plain decimal such as "20" or "4.70". It is an error when the
// text is no decimal, is written with an exponent, or is finer than the
// currency's smallest unit.
func Parse(text, currency string) (Amount, error) {
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' {
			return Amount{}, fmt.Errorf("%q is not an amount", text)
		}
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return Amount{}, fmt.Errorf("%q is not an amount", text)
	}
	if !d.Equal(Round(d, currency)) {
		return Amount{}, fmt.Errorf("%s has no unit as small as %s", currency, text)
	}
	return Of(d, currency), nil
}

// Add is the sum; it is an error to add two currencies.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("cannot add %s to %s", b.Currency, a.Currency)
	}
	return Of(a.D.Add(b.D), a.Currency), nil
}

// Round is the amount in whole smallest units of its currency, half away from
// zero (R9).
func (a Amount) Round() Amount { return Of(Round(a.D, a.Currency), a.Currency) }

// Known says whether the code is a currency of ISO 4217 that can be charged.
func Known(code string) bool {
	u, err := currency.ParseISO(code)
	return err == nil && u.String() == code && u != currency.XXX && u != currency.XTS
}

// Exponent is the number of decimals of the currency's smallest unit on a
// document (R8: JPY 0, USD 2, KWD 3). What cash is rounded to is another
// matter. A code that nobody knows has two.
func Exponent(code string) int32 {
	u, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(u)
	return int32(scale)
}

// Unit is the currency's smallest unit on a document, such as 0.01.
func Unit(code string) decimal.Decimal { return decimal.New(1, -Exponent(code)) }

// Round takes a decimal to the currency's exponent, half away from zero. Never
// hand it what was rounded before: usage is an Exact, which rounds itself.
func Round(d decimal.Decimal, code string) decimal.Decimal { return d.Round(Exponent(code)) }

// RoundLine is Round by the name that the rules give it: the one rounding of an
// invoice line (R9).
func RoundLine(d decimal.Decimal, code string) decimal.Decimal { return Round(d, code) }
