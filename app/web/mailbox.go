package web

import (
	"github.com/labstack/echo/v5"

	"github.com/ezscale/ezscale/app/fail"
	"github.com/ezscale/ezscale/app/mail"
	"github.com/ezscale/ezscale/views"
)

// mailOutbox shows the letters of a demonstration, which go nowhere else.
func (s *server) mailOutbox(c *echo.Context) error {
	if s.Outbox == nil {
		return fail.Missing("page")
	}
	entries, err := s.Outbox.List()
	if err != nil {
		return err
	}
	page := views.Mailbox{}
	for _, e := range entries[:min(len(entries), 200)] {
		page.Letters = append(page.Letters, mailboxRow(e))
	}
	return s.render(c, 200, views.MailboxPage(s.bareShell(c, "Sent letters"), page))
}

func (s *server) mailMessage(c *echo.Context) error {
	if s.Outbox == nil {
		return fail.Missing("page")
	}
	letter, err := s.Outbox.Read(c.Param("id"))
	if err != nil {
		return err
	}
	page := views.OneLetter{MailboxRow: mailboxRow(letter.Entry), Text: letter.Text}
	return s.render(c, 200, views.LetterPage(s.bareShell(c, letter.Subject), page))
}

func mailboxRow(e mail.Entry) views.MailboxRow {
	from := e.From
	if e.FromName != "" {
		from = e.FromName + " <" + e.From + ">"
	}
	return views.MailboxRow{Href: "/demo/mail/" + e.ID, Subject: e.Subject, From: from, To: e.To, At: e.At.UTC().Format("Jan 2, 15:04:05 UTC")}
}
