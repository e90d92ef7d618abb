/** A user of a container, and perhaps its group: numbers or names. */
export const USER_TEXT = /^(?:\d{1,9}|[a-z_][a-z0-9_-]{0,31})(?::(?:\d{1,9}|[a-z_][a-z0-9_-]{0,31}))?$/
