package web

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/ledger"
	"github.com/ezscale/ezscale/app/money"
	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/views"
)

const (
	movementsPerPage = 50
	// movementsInFile is how many movements one file holds: years of them.
	movementsInFile = 100_000
)

// ledgerPage lists every movement of a customer's credit, the newest first.
func (s *server) ledgerPage(c *echo.Context) error {
	v := visitOf(c)
	before, err := entryBefore(c)
	if err != nil {
		return err
	}
	var all purse
	var rows []ledger.Traced
	shell, _, err := s.desk(c, "Movements", append(s.purseQs(c, &all), ledger.HistoryQ(&rows, v.userID, v.tenant.Currency, before, movementsPerPage+1))...)
	if err != nil {
		return err
	}
	p := views.LedgerProps{Wallet: s.walletOf(c, all, shell.Brand.SupportEmail)}
	p.Rows, p.Older = movementsPage(rows, "/billing/ledger")
	for _, h := range all.held {
		if h.Price.IsPositive() {
			p.Held = append(p.Held, h)
		}
	}
	if before > 0 {
		p.First = "/billing/ledger"
	}
	return s.render(c, http.StatusOK, views.LedgerPage(shell, p))
}

// movementsPage cuts a page off and gives the address of the next one, "" at the end.
func movementsPage(rows []ledger.Traced, path string) (page []ledger.Traced, older string) {
	page, more := cut(rows, movementsPerPage)
	if more {
		older = path + "?before=" + strconv.FormatInt(page[len(page)-1].ID, 10)
	}
	return page, older
}

// entryBefore reads where a page of movements goes on; 0 is the newest.
func entryBefore(c *echo.Context) (int64, error) {
	text := c.QueryParam("before")
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id <= 0 {
		return 0, fail.New(fail.BadRequest, "This page of the list is not known. Start from the first one.")
	}
	return id, nil
}

// ledgerFile is every movement as a table for other programs.
func (s *server) ledgerFile(c *echo.Context) error {
	v := visitOf(c)
	var rows []ledger.Traced
	if err := s.readOwn(c, ledger.HistoryQ(&rows, v.userID, v.tenant.Currency, 0, movementsInFile)); err != nil {
		return err
	}
	return s.sendMovements(c, rows)
}

func (s *server) sendMovements(c *echo.Context, rows []ledger.Traced) error {
	h := c.Response().Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="movements-`+s.Clock.Now().In(visitOf(c).tenant.Zone).Format(time.DateOnly)+`.csv"`)
	h.Set("Cache-Control", "no-store")
	c.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(c.Response())
	if err := w.Write([]string{"number", "at", "what", "description", "credit", "amount", "balance", "currency", "invoice", "workspace_id"}); err != nil {
		return err
	}
	for _, r := range rows {
		workspace := ""
		if r.WorkspaceID != nil {
			workspace = r.WorkspaceID.String()
		}
		line := []string{strconv.FormatInt(r.ID, 10), r.At.UTC().Format(time.RFC3339), inert(views.MovementWords(r)), inert(r.Description), r.Kind,
			money.API(r.Amount, r.Currency), money.API(r.Balance, r.Currency), r.Currency, inert(r.Invoice), workspace}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// inert keeps a text that a person wrote from being run as a formula where the table
// is opened.
func inert(text string) string {
	if text != "" && (text[0] == '=' || text[0] == '+' || text[0] == '-' || text[0] == '@' || text[0] == '\t' || text[0] == '\r') {
		return "'" + text
	}
	return text
}

// historyQ reads a page of somebody's movements for the shop's people.
func historyQ(dst *[]ledger.Traced, t tenants.Tenant, user uuid.UUID, before int64) tenants.Query {
	return ledger.HistoryQ(dst, user, t.Currency, before, movementsPerPage+1)
}
