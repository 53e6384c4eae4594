package billing

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/tenants"
)

// defaultTerm is after how many days an invoice is due, unless the shop says
// otherwise (R23).
const defaultTerm = "7"

// advance is a price that is billed before its time: the line and who pays it.
type advance struct {
	userID uuid.UUID
	line   Line
}

// termDays is how many days after its date an invoice is due (R23).
func termDays(ctx context.Context, q tenants.Querier) (int, error) {
	text, err := ledger.Setting(ctx, q, "term_days", defaultTerm)
	if err != nil {
		return 0, err
	}
	days, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("the setting term_days is no number: %w", err)
	}
	return days, nil
}
