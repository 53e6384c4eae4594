package billing

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// series is a counter of documents: what it is called, the setting that says how its
// numbers look, and how they look without one.
type series struct {
	counter string
	setting string
	format  string
}

// invoiceSeries and creditSeries count apart: each is without gaps on its own (R18).
func invoiceSeries(prefix string) series {
	return series{"invoice", "invoice_number_format", prefix + "-{year}-{number:6}"}
}

func creditSeries() series {
	return series{"credit_note", "credit_note_number_format", "CN-{year}-{number:6}"}
}

// nextInvoiceNumbers takes the next n numbers of the shop's invoices.
func nextInvoiceNumbers(ctx context.Context, tx tenants.Tx, n int, at time.Time) ([]string, error) {
	prefix, err := ledger.Setting(ctx, tx, "invoice_prefix", "INV")
	if err != nil {
		return nil, err
	}
	return nextNumbers(ctx, tx, invoiceSeries(prefix), n, at)
}

// nextNumbers takes the next n numbers of a series (R18). The counter's row is
// locked until the transaction ends, so that none is lost and none left out.
func nextNumbers(ctx context.Context, tx tenants.Tx, s series, n int, at time.Time) ([]string, error) {
	format, err := ledger.Setting(ctx, tx, s.setting, s.format)
	if err != nil {
		return nil, err
	}
	last, err := advanceCounter(ctx, tx, s.counter, n)
	if err != nil {
		return nil, err
	}
	numbers := make([]string, n)
	for i := range numbers {
		numbers[i] = writeNumber(format, last-int64(n-i-1), at.In(tx.Tenant().Zone))
	}
	return numbers, nil
}

// numberPart finds the parts of a format that are filled in.
var numberPart = regexp.MustCompile(`\{(year|month|number)(?::([1-9]))?\}`)

// numberLetters is what else a number may be made of: it stands in addresses and in
// file names.
var numberLetters = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)

// longestFormat keeps a number in its column on paper.
const longestFormat = 40

// writeNumber fills a format in for the shop's date. A number that is longer than
// its places is written in full.
func writeNumber(format string, number int64, local time.Time) string {
	return numberPart.ReplaceAllStringFunc(format, func(part string) string {
		found := numberPart.FindStringSubmatch(part)
		switch found[1] {
		case "year":
			return strconv.Itoa(local.Year())
		case "month":
			return fmt.Sprintf("%02d", int(local.Month()))
		}
		places, _ := strconv.Atoi(found[2]) // the pattern allows a digit or nothing
		return fmt.Sprintf("%0*d", places, number)
	})
}

// CheckNumberFormat says what is wrong with a format of document numbers, as
// fail.Invalid under the field's name: it needs {number} (or {number:6}, with six
// places) once, may have {year} and {month}, and letters, digits, dots, dashes and
// underscores beside them.
func CheckNumberFormat(field, format string) error {
	wrong := fail.Fields{}
	rest := numberPart.ReplaceAllString(format, "")
	counters := 0
	for _, found := range numberPart.FindAllStringSubmatch(format, -1) {
		switch {
		case found[1] == "number":
			counters++
		case found[2] != "":
			wrong.Add(field, "Only {number} takes a count of places, such as {number:6}.")
		}
	}
	switch {
	case strings.ContainsAny(rest, "{}"):
		wrong.Add(field, "Use {year}, {month} and {number:6}; there are no other parts.")
	case counters != 1:
		wrong.Add(field, "A number format has {number} in it once, such as INV-{year}-{number:6}.")
	case !numberLetters.MatchString(rest):
		wrong.Add(field, "Use letters, digits, dots, dashes and underscores only.")
	case len(format) > longestFormat:
		wrong.Add(field, "Use at most %d characters.", longestFormat)
	}
	return wrong.Err()
}
