package kasm

import (
	"context"
	"log/slog"
)

// UserChange names what UpdateUser changes; nil leaves a field as it is.
type UserChange struct {
	ID           string
	Username     *string
	Password     *string // must satisfy Kasm's policy
	FirstName    *string
	LastName     *string
	Organization *string
	Phone        *string
	Locked       *bool
	Disabled     *bool
}

// String hides the password.
func (u UserChange) String() string { return "change of kasm user " + u.ID }

// GoString hides the password.
func (u UserChange) GoString() string { return u.String() }

// LogValue hides the password.
func (u UserChange) LogValue() slog.Value { return slog.StringValue(u.String()) }

func (u UserChange) fields() map[string]any {
	fields := map[string]any{}
	for name, value := range map[string]*string{
		"username": u.Username, "password": u.Password, "first_name": u.FirstName, "last_name": u.LastName, "organization": u.Organization, "phone": u.Phone,
	} {
		if value != nil {
			fields[name] = *value
		}
	}
	for name, value := range map[string]*bool{"locked": u.Locked, "disabled": u.Disabled} {
		if value != nil {
			fields[name] = *value
		}
	}
	return fields
}

// Group is one of Kasm's groups: what its members may do and start.
type Group struct {
	ID       string
	Name     string
	Settings map[string]string // by Kasm's names, as text such as True or 7200; nil where Kasm does not tell them
}

// Attributes are a person's own preferences in Kasm. "" and false stand for unset.
type Attributes struct {
	UserID             string
	SSHPublicKey       string
	Theme              string
	Language           string // such as en_US.UTF-8, or Auto
	TimeZone           string // such as Europe/London, or Auto
	DefaultImage       string // id of the image that opens by itself
	ShowTips           bool
	ToggleControlPanel bool
}

// AttributesChange names what SetAttributes changes; nil leaves a field as it is.
type AttributesChange struct {
	SSHPublicKey       *string
	Theme              *string
	Language           *string
	TimeZone           *string
	DefaultImage       *string
	ShowTips           *bool
	ToggleControlPanel *bool
}

// UpdateUser changes a person. Errors: KindNotFound, KindConflict when the new name
// is taken.
func (c *Client) UpdateUser(ctx context.Context, u UserChange) (User, error) {
	target := u.fields()
	data, err := c.onUser(ctx, "update_user", u.ID, target, nil)
	if err != nil {
		return User{}, err
	}
	return userOf("update_user", data)
}

// SetPassword gives a person another password. Errors: KindNotFound.
func (c *Client) SetPassword(ctx context.Context, userID, password string) error {
	_, err := c.onUser(ctx, "update_user", userID, map[string]any{"password": password}, nil)
	return err
}

// UserByID finds a person. Errors: KindNotFound.
func (c *Client) UserByID(ctx context.Context, userID string) (User, error) {
	id, err := idFor("get_user", userID)
	if err != nil {
		return User{}, err
	}
	data, err := c.read(ctx, "get_user", map[string]any{"target_user": map[string]any{"user_id": id}})
	if err != nil {
		return User{}, err
	}
	return userOf("get_user", data)
}

// Users lists every person. An answer that cannot be read whole is KindUnavailable.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	data, err := c.read(ctx, "get_users", nil)
	if err != nil {
		return nil, err
	}
	users, ok := decodeUsers(data)
	if !ok {
		return nil, unreadable("get_users")
	}
	return users, nil
}

// Attributes gives a person's preferences. Errors: KindNotFound.
func (c *Client) Attributes(ctx context.Context, userID string) (Attributes, error) {
	const op = "get_attributes"
	id, err := idFor(op, userID)
	if err != nil {
		return Attributes{}, err
	}
	data, err := c.read(ctx, op, map[string]any{"target_user": map[string]any{"user_id": id}})
	if err != nil {
		return Attributes{}, err
	}
	a, ok := decodeAttributes(data)
	if !ok {
		return Attributes{}, unreadable(op)
	}
	return a, nil
}

// SetAttributes changes a person's preferences. Errors: KindNotFound.
func (c *Client) SetAttributes(ctx context.Context, userID string, a AttributesChange) error {
	const op = "update_user_attributes"
	id, err := idFor(op, userID)
	if err != nil {
		return err
	}
	target := map[string]any{"user_id": id}
	for name, value := range map[string]*string{
		"ssh_public_key": a.SSHPublicKey, "theme": a.Theme, "preferred_language": a.Language, "preferred_timezone": a.TimeZone, "default_image": a.DefaultImage,
	} {
		if value != nil {
			target[name] = *value
		}
	}
	for name, value := range map[string]*bool{"show_tips": a.ShowTips, "toggle_control_panel": a.ToggleControlPanel} {
		if value != nil {
			target[name] = *value
		}
	}
	_, err = c.call(ctx, op, "/api/public/"+op, map[string]any{"target_user_attributes": target})
	return err
}

// Groups lists the groups. Outside Kasm's documented API; see Error.Missing.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	data, err := c.anywhere("get_groups", func(path string) ([]byte, error) { return c.readAt(ctx, "get_groups", path, nil) })
	if err != nil {
		return nil, err
	}
	groups, ok := decodeGroups(data)
	if !ok {
		return nil, unreadable("get_groups")
	}
	return groups, nil
}

// AddUserGroup makes a person a member of a group. Errors: KindNotFound.
func (c *Client) AddUserGroup(ctx context.Context, userID, groupID string) error {
	return c.membership(ctx, "add_user_group", userID, groupID)
}

// RemoveUserGroup takes a person out of a group. Errors: KindNotFound.
func (c *Client) RemoveUserGroup(ctx context.Context, userID, groupID string) error {
	return c.membership(ctx, "remove_user_group", userID, groupID)
}

func (c *Client) membership(ctx context.Context, op, userID, groupID string) error {
	group, err := idFor(op, groupID)
	if err != nil {
		return err
	}
	_, err = c.onUser(ctx, op, userID, nil, map[string]any{"target_group": map[string]any{"group_id": group}})
	return err
}

// onUser makes a call about one person, once: fields beside the id, more beside the
// person.
func (c *Client) onUser(ctx context.Context, op, userID string, fields, more map[string]any) ([]byte, error) {
	id, err := idFor(op, userID)
	if err != nil {
		return nil, err
	}
	target := map[string]any{"user_id": id}
	for name, value := range fields {
		target[name] = value
	}
	body := map[string]any{"target_user": target}
	for name, value := range more {
		body[name] = value
	}
	return c.call(ctx, op, "/api/public/"+op, body)
}
