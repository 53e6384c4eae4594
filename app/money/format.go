package money

import (
	"strings"

	"github.com/shopspring/decimal"
)

// Format writes an amount for people in the currency's own decimals: "$0.55",
// "€1.00", "¥120", "KWD 0.125", "-$3.00", "$1,204.00".
func (a Amount) Format() string {
	e := Exponent(a.Currency)
	return write(a.D, a.Currency, e, e)
}

// String is Format.
func (a Amount) String() string { return a.Format() }

// API writes an amount for programs, at least the currency's decimals: "0.55".
func (a Amount) API() string { return API(a.D, a.Currency) }

// API writes a decimal for programs: no symbol, no grouping, at least the
// currency's decimals and at most six: "0.05", "0.0375", "120".
func API(d decimal.Decimal, code string) string { return places(d, Exponent(code), maxPlaces) }

// Rate writes a price per hour for people, with two to six decimals (R9):
// "$0.20", "$0.125", "¥20.00".
func Rate(d decimal.Decimal, code string) string {
	return write(d, code, max(2, Exponent(code)), maxPlaces)
}

// Symbol is what stands before a figure: a sign where one is understood by
// itself, else the code and a space.
func Symbol(code string) string {
	switch code {
	case "USD":
		return "$"
	case "EUR":
		return "€"
	case "GBP":
		return "£"
	case "JPY":
		return "¥"
	case "INR":
		return "₹"
	case "KRW":
		return "₩"
	case "ILS":
		return "₪"
	case "VND":
		return "₫"
	case "PHP":
		return "₱"
	case "CAD":
		return "CA$"
	case "AUD":
		return "A$"
	case "NZD":
		return "NZ$"
	case "MXN":
		return "MX$"
	case "BRL":
		return "R$"
	case "CNY":
		return "CN¥"
	}
	return code + " "
}

func write(d decimal.Decimal, code string, least, most int32) string {
	text := places(d, least, most)
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	return sign + Symbol(code) + group(text)
}

// places rounds to at most so many decimals and drops zeros beyond the least.
func places(d decimal.Decimal, least, most int32) string {
	text := d.Round(most).StringFixed(most)
	whole, fraction, _ := strings.Cut(text, ".")
	for int32(len(fraction)) > least && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// group sets a comma between thousands.
func group(text string) string {
	whole, fraction, point := strings.Cut(text, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if point {
		return whole + "." + fraction
	}
	return whole
}
