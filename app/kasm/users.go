package kasm

import "context"

// Images lists every image, the disabled ones too.
// Errors: KindUnauthorised, KindUnavailable.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	data, err := c.read(ctx, "get_images", nil)
	if err != nil {
		return nil, err
	}
	images, ok := decodeImages(data)
	if !ok {
		return nil, unreadable("get_images")
	}
	return images, nil
}

// CreateUser adds a person. Errors: KindConflict when the name is taken.
func (c *Client) CreateUser(ctx context.Context, u NewUser) (User, error) {
	target := map[string]any{
		"username": u.Username, "password": u.Password, "first_name": u.FirstName, "last_name": u.LastName,
		"locked": false, "disabled": false,
	}
	if u.Organization != "" {
		target["organization"] = u.Organization
	}
	data, err := c.call(ctx, "create_user", "/api/public/create_user", map[string]any{"target_user": target})
	if err != nil {
		return User{}, err
	}
	return userOf("create_user", data)
}

// UserByName finds a person by username. Errors: KindNotFound.
func (c *Client) UserByName(ctx context.Context, username string) (User, error) {
	data, err := c.read(ctx, "get_user", map[string]any{"target_user": map[string]any{"username": username}})
	if err != nil {
		return User{}, err
	}
	return userOf("get_user", data)
}

// DeleteUser removes a person. With force their desktops are destroyed first;
// without it KindConflict or KindInvalid is the answer while they have any.
func (c *Client) DeleteUser(ctx context.Context, userID string, force bool) error {
	id, err := idFor("delete_user", userID)
	if err != nil {
		return err
	}
	body := map[string]any{"target_user": map[string]any{"user_id": id}, "force": force}
	_, err = c.call(ctx, "delete_user", "/api/public/delete_user", body)
	return err
}

// LogoutUser ends every link that the person holds. Errors: KindNotFound.
func (c *Client) LogoutUser(ctx context.Context, userID string) error {
	id, err := idFor("logout_user", userID)
	if err != nil {
		return err
	}
	body := map[string]any{"target_user": map[string]any{"user_id": id}}
	_, err = c.call(ctx, "logout_user", "/api/public/logout_user", body)
	return err
}

func userOf(op string, data []byte) (User, error) {
	u, ok := decodeUser(data)
	if !ok {
		return User{}, unreadable(op)
	}
	return u, nil
}

func unreadable(op string) *Error {
	return &Error{Kind: KindUnavailable, Op: op, HTTPStatus: 200, Message: "Kasm's answer to " + op + " lacks what it must hold."}
}

// idFor refuses what is not an id: Kasm answers those with an internal error.
func idFor(op, raw string) (string, error) {
	id, ok := ParseID(raw)
	if !ok {
		return "", &Error{Kind: KindInvalid, Op: op, Message: "An id for Kasm must be 32 hex digits, with or without dashes."}
	}
	return id, nil
}
