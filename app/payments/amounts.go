package payments

import (
	"strings"

	"github.com/shopspring/decimal"

	"github.com/ezscale/ezscale/app/money"
)

// places is how many decimals Stripe's amounts of a currency have. Its list is not
// ISO 4217's: króna and Ugandan shillings have no cents and are still sent with two
// digits, ariary are sent without any.
func places(currency string) int32 {
	switch currency {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "JOD", "KWD", "OMR", "TND":
		return 3
	}
	return 2
}

// grain is the smallest amount by which a charge can differ. Of currencies with
// three decimals Stripe takes only amounts whose last digit is zero; one that has no
// cents in the shop's books is charged in whole units.
func grain(currency string) decimal.Decimal {
	if places(currency) == 3 {
		return decimal.New(1, -2)
	}
	return decimal.New(1, -min(places(currency), money.Exponent(currency)))
}

// chargeable is what is charged for an amount: the amount itself, or the next above
// that the processor can charge. What is over becomes the customer's credit.
func chargeable(amount decimal.Decimal, currency string) decimal.Decimal {
	g := grain(currency)
	return amount.Div(g).Ceil().Mul(g)
}

// minor is an amount as Stripe counts it. The amount is chargeable.
func minor(amount decimal.Decimal, currency string) int64 {
	return amount.Shift(places(currency)).IntPart()
}

// major is what Stripe counted, as an amount.
func major(n int64, currency string) decimal.Decimal {
	return decimal.New(n, -places(strings.ToUpper(currency)))
}

// minimum is the least that can be charged (R22): Stripe's own list, and the smallest
// amount there is where Stripe goes by the exchange rate and says so itself.
func minimum(currency string) decimal.Decimal {
	least := map[string]string{"USD": "0.50", "AED": "2.00", "AUD": "0.50", "BRL": "0.50", "CAD": "0.50", "CHF": "0.50", "CZK": "15.00", "DKK": "2.50", "EUR": "0.50",
		"GBP": "0.30", "HKD": "4.00", "HUF": "175.00", "INR": "0.50", "JPY": "50", "MXN": "10.00", "MYR": "2.00", "NOK": "3.00", "NZD": "0.50", "PLN": "2.00", "RON": "2.00",
		"SEK": "3.00", "SGD": "0.50", "THB": "10.00", "BGN": "1.00"}
	if text, listed := least[currency]; listed {
		return decimal.RequireFromString(text)
	}
	return grain(currency)
}

// maximum is the most that one charge can be: eight digits, as Stripe counts.
func maximum(currency string) decimal.Decimal { return decimal.New(99_999_999, -places(currency)) }
