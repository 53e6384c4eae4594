package money

import "github.com/shopspring/decimal"

const secondsAnHour = 3600

// Exact is what usage costs before rounding (R8). It is kept as 3600ths, so that
// rates multiply and sums add without a division: 0.67 an hour for ten minutes
// has no end as a decimal, and a figure rounded twice can end a cent off.
type Exact struct {
	parts    decimal.Decimal
	currency string
}

// Usage is rate × seconds ÷ 3600, multiplied first; the division happens once,
// in Round or Places.
func Usage(rate decimal.Decimal, seconds int64, currency string) Exact {
	return Exact{parts: rate.Mul(decimal.NewFromInt(seconds)), currency: currency}
}

// Nothing is no usage, in a currency.
func Nothing(currency string) Exact { return Exact{currency: currency} }

// Add is the exact sum. Usage of another currency is not added: callers group
// by currency first.
func (e Exact) Add(o Exact) Exact {
	if e.currency != o.currency {
		return e
	}
	return Exact{parts: e.parts.Add(o.parts), currency: e.currency}
}

// Currency is the code the usage is priced in.
func (e Exact) Currency() string { return e.currency }

// Cmp compares two costs of one currency exactly: -1, 0 or 1.
func (e Exact) Cmp(o Exact) int { return e.parts.Cmp(o.parts) }

// CmpDecimal compares the cost with a decimal exactly: -1, 0 or 1.
func (e Exact) CmpDecimal(d decimal.Decimal) int {
	return e.parts.Cmp(d.Mul(decimal.NewFromInt(secondsAnHour)))
}

// IsZero says that nothing is owed.
func (e Exact) IsZero() bool { return e.parts.IsZero() }

// Round is the cost in whole smallest units of the currency, half away from
// zero: the one rounding of an invoice line (R9).
func (e Exact) Round() Amount { return Of(e.Places(Exponent(e.currency)), e.currency) }

// Places is the cost to so many decimals, half away from zero, decided on the
// undivided figure.
func (e Exact) Places(places int32) decimal.Decimal {
	return e.parts.DivRound(decimal.NewFromInt(secondsAnHour), places)
}

// Format writes the cost for people, as exact as six decimals allow: "$0.0375".
func (e Exact) Format() string {
	return write(e.Places(maxPlaces), e.currency, Exponent(e.currency), maxPlaces)
}

// API writes the cost for programs: "0.0375", at least the currency's decimals
// and at most six.
func (e Exact) API() string { return API(e.Places(maxPlaces), e.currency) }
