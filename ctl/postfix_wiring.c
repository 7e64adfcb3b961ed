/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_wiring.h"

#include <string.h>

#include "postfix_file.h"
#include "postfix_list.h"
#include "postfix_notes.h"
#include "postfix_view.h"

enum { CUT_SIZE = 4200 };

/* ---- a setting of the main.cf templates ---- */

enum setting_how {
	HOW_SET,
	HOW_SET_IF_NOT,
	HOW_APPEND,
	HOW_APPEND_IF_ANY,
	HOW_PREPEND,
};

struct setting {
	enum setting_how how;
	char name[100];
	char value[2000];
};

static const struct {
	const char *sign;
	enum setting_how how;
} signs[] = {
	{ "?=", HOW_SET_IF_NOT },
	{ "+=", HOW_APPEND },
	{ "+?=", HOW_APPEND_IF_ANY },
	{ "=+", HOW_PREPEND },
	{ "=", HOW_SET },
};

static int
read_setting(const char *line, size_t len, struct setting *out, struct err *err)
{
	size_t n = strcspn(line, " ");
	const char *sign = line + n + 1;

	for (size_t i = 0; n < len && i < countof(signs); i++) {
		size_t sign_len = strlen(signs[i].sign);

		if (strncmp(sign, signs[i].sign, sign_len) != 0)
			continue;
		const char *value = sign + sign_len;

		value += strspn(value, " ");
		size_t value_len = strcspn(value, "\n");

		if (n >= sizeof out->name || value_len >= sizeof out->value)
			break;
		out->how = signs[i].how;
		(void)snprintf(
		    out->name, sizeof out->name, "%.*s", (int)n, line);
		(void)snprintf(out->value, sizeof out->value, "%.*s",
		    (int)value_len, value);
		return 0;
	}
	return err_set(err, ERR_PERM, "\"%.*s\" is no setting",
	    (int)(len > 80 ? 80 : len), line);
}

/* ---- what a setting becomes ---- */

/* What main.cf says; else the default, if there is anything in it. */
static int
old_value(
    const struct view *w, const char *name, struct buf *out, struct err *err)
{
	int rc = view_get(w, POSTCONF_SET, name, out, err);

	if (rc != 0)
		return rc;

	cleanup(buf_reset) struct buf full = { .limit = LIMIT_POSTFIX_FILE };

	rc = view_get(w, POSTCONF_EXPANDED, name, &full, err);
	if (rc <= 0 || full.len == 0)
		return rc;
	return view_get(w, POSTCONF_VALUE, name, out, err);
}

/* Without any restriction in relay_restrictions, ours must hold the door. */
static int
put_relay_control(const struct view *w, const struct setting *s,
    struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf relay = { .limit = LIMIT_POSTFIX_FILE };

	if (strcmp(s->name, "smtpd_recipient_restrictions") != 0)
		return 0;
	if (view_get(w, POSTCONF_EXPANDED, "smtpd_relay_restrictions", &relay,
		err) < 0)
		return -1;
	return relay.len > 0 ? 0
			     : buf_puts(out,
				   ", permit_mynetworks, "
				   "permit_sasl_authenticated, "
				   "reject_unauth_destination",
				   err);
}

/* The list as it is to be; `old` ends up without the entry. */
static int
put_list(const struct view *w, const struct setting *s, struct buf *old,
    struct buf *out, struct err *err)
{
	char *text = (char *)old->data;
	char *there = old->len == 0 ? NULL : list_find(text, s->value);

	if (there != NULL)
		list_cut(text, there, strlen(s->value));
	if (old->len == 0 || text[0] == '\0') {
		if (buf_puts(out, s->value, err) < 0)
			return -1;
		return put_relay_control(w, s, out, err);
	}
	if (s->how == HOW_PREPEND)
		return buf_putf(out, err, "%s, %s", s->value, text);
	return buf_putf(out, err, "%s, %s", text, s->value);
}

static int
put_list_setting(const struct view *w, const struct setting *s,
    struct args *args, struct err *err)
{
	cleanup(buf_reset) struct buf old = { .limit = LIMIT_POSTFIX_FILE };
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };

	if (old_value(w, s->name, &old, err) < 0)
		return -1;
	if (old.len == 0 && s->how == HOW_APPEND_IF_ANY)
		return 0;
	if (old.len > 0 &&
	    (s->how == HOW_PREPEND
		    ? list_begins_with((char *)old.data, s->value)
		    : list_find((char *)old.data, s->value) != NULL))
		return 0;
	if (put_list(w, s, &old, &value, err) < 0 ||
	    buf_str(&value, err) == NULL)
		return -1;
	return args_putf(args, err, "%s=%s", s->name, value.data);
}

/* Puts "name=value" to the arguments if the setting changes anything. */
static int
put_setting(const struct view *w, const struct setting *s, struct args *args,
    struct err *err)
{
	cleanup(buf_reset) struct buf old = { .limit = LIMIT_POSTFIX_FILE };

	if (s->how != HOW_SET && s->how != HOW_SET_IF_NOT)
		return put_list_setting(w, s, args, err);
	int set = view_get(w, POSTCONF_SET, s->name, &old, err);

	if (set < 0)
		return -1;
	if (set == 1 && s->how == HOW_SET_IF_NOT)
		return 0;
	if (set == 1 &&
	    strcmp(old.len > 0 ? (char *)old.data : "", s->value) == 0)
		return 0;
	return args_putf(args, err, "%s=%s", s->name, s->value);
}

static int
begin_postconf(struct args *args, const struct view *w, const char *option,
    struct err *err)
{
	if (args_put(args, "-c", err) < 0 || args_put(args, w->folder, err) < 0)
		return -1;
	return args_put(args, option, err);
}

/* One at a time: postconf adds the new ones of one call in any order. */
static int
set_each(const struct view *w, const struct args *settings, struct err *err)
{
	for (size_t i = 0; i < settings->count; i++) {
		cleanup(args_reset) struct args args = { 0 };

		if (begin_postconf(&args, w, "-e", err) < 0 ||
		    args_put(&args, settings->v[i], err) < 0 ||
		    postconf_edit(w->folder, &args, err) < 0)
			return -1;
	}
	return 0;
}

/* Calls each for every setting of the rendered text. */
typedef int (*setting_each)(const struct view *w, const struct setting *s,
    struct args *args, struct err *err);

static int
each_setting(const struct buf *text, const struct view *w, setting_each each,
    struct args *args, struct err *err)
{
	struct render_lines lines = { (const char *)text->data };
	const char *line;
	size_t len;

	while (render_next(&lines, &line, &len)) {
		struct setting s;

		if (read_setting(line, len, &s, err) < 0 ||
		    each(w, &s, args, err) < 0)
			return -1;
	}
	return 0;
}

static int
render_main(const struct render *r, struct buf *out, struct err *err)
{
	cleanup(buf_reset) struct buf users = { .limit = LIMIT_POSTFIX_FILE };

	if (render_template(r, "main.cf", out, err) < 0)
		return -1;
	if (!r->conf->hop.system_users)
		return 0;
	if (render_template(r, "main-system-users.cf", &users, err) < 0 ||
	    buf_put(out, users.data, users.len, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* ---- proxymap ---- */

/* A map that main.cf lets proxymap read only by a list of its own. */
static int
put_proxy_map(const struct view *w, const struct setting *s, struct args *args,
    struct err *err)
{
	cleanup(buf_reset) struct buf may = { .limit = LIMIT_POSTFIX_FILE };
	const char *map = strstr(s->value, "proxy:");

	if (map == NULL)
		return 0;
	if (postconf_get(
		w->folder, POSTCONF_EXPANDED, "proxy_read_maps", &may, err) < 0)
		return -1;
	if (may.len > 0 && list_find((char *)may.data, map) != NULL)
		return 0;
	return args_put(args, map, err);
}

static int
allow_proxymap(const struct buf *text, const struct view *w, struct err *err)
{
	cleanup(args_reset) struct args maps = { 0 };
	cleanup(args_reset) struct args setting = { 0 };
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };

	if (each_setting(text, w, put_proxy_map, &maps, err) < 0)
		return -1;
	if (maps.count == 0)
		return 0;
	if (view_get(w, POSTCONF_VALUE, "proxy_read_maps", &value, err) < 0)
		return -1;
	for (size_t i = 0; i < maps.count; i++)
		if (buf_putf(&value, err, "%s%s", value.len > 0 ? ", " : "",
			maps.v[i]) < 0)
			return -1;
	if (buf_str(&value, err) == NULL ||
	    args_putf(&setting, err, "proxy_read_maps=%s", value.data) < 0)
		return -1;
	return set_each(w, &setting, err);
}

/* ---- master.cf ---- */

/* The names that this Postfix has, each between line ends. */
static int
known_settings(const struct view *w, struct buf *out, struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (begin_postconf(&args, w, "-dH", err) < 0 ||
	    buf_putc(out, '\n', err) < 0 || postconf(&args, out, err) < 0)
		return -1;
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* Is the option line (`-o name=...` or `-o { name = ... }`) known? */
static bool
is_known(const char *known, const char *line)
{
	char name[104];
	const char *s = line + strspn(line, " \t");

	if (strncmp(s, "-o", 2) != 0)
		return true;
	s += 2;
	s += strspn(s, " {");
	(void)snprintf(
	    name, sizeof name, "\n%.*s\n", (int)strcspn(s, " =\n"), s);
	return strstr(known, name) != NULL;
}

/* The entry in one line, without the settings that are not known. */
static int
put_entry(const char *known, const char *line, size_t len, struct buf *out,
    struct err *err)
{
	for (size_t at = 0; at < len;) {
		const char *s = line + at;
		size_t n = strcspn(s, "\n");

		at += n + 1;
		if (!is_known(known, s))
			continue;
		size_t skip = strspn(s, " \t");

		if (out->len > 0 && buf_putc(out, ' ', err) < 0)
			return -1;
		if (buf_put(out, s + skip, n - skip, err) < 0)
			return -1;
	}
	return buf_str(out, err) == NULL ? -1 : 0;
}

struct service {
	char name[300];
	char type[20];
};

static int
read_service(const char *line, struct service *out)
{
	return sscanf(line, "%299s %19s", out->name, out->type) == 2 ? 0 : -1;
}

/* The port of an inet service: `submission`, `587` or `host:587`. */
static const char *
service_port(const struct service *s)
{
	const char *colon = strrchr(s->name, ':');

	return colon == NULL ? s->name : colon + 1;
}

static const char *
port_number(const char *port)
{
	static const char *const names[][2] = {
		{ "submission", "587" },
		{ "submissions", "465" },
		{ "smtps", "465" },
	};

	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(port, names[i][0]) == 0)
			return names[i][1];
	return port;
}

static bool
same_service(const struct service *a, const struct service *b)
{
	if (strcmp(a->type, b->type) != 0)
		return false;
	if (strcmp(a->type, "inet") != 0)
		return strcmp(a->name, b->name) == 0;
	return strcmp(port_number(service_port(a)),
		   port_number(service_port(b))) == 0;
}

/* Has master.cf a service by that name, or on that port? */
static bool
has_service(const struct view *w, const struct service *wanted)
{
	const char *s = (const char *)w->services.data;
	struct service found;

	for (; *s != '\0'; s += strcspn(s, "\n"), s += *s == '\n')
		if (read_service(s, &found) == 0 &&
		    same_service(&found, wanted))
			return true;
	return false;
}

/* What to do with an entry whose service is there already. */
typedef int (*service_taken)(const struct service *s, const char *line,
    size_t len, struct buf *notes, struct err *err);

static int
refuse_taken(const struct service *s, const char *line, size_t len,
    struct buf *notes, struct err *err)
{
	(void)line;
	(void)len;
	(void)notes;
	return err_set(err, ERR_PERM,
	    "master.cf has a service \"%s %s\" already%s", s->name, s->type,
	    strcmp(s->type, "inet") == 0 ? ": choose another [hop] listen"
					 : "");
}

static int
note_taken(const struct service *s, const char *line, size_t len,
    struct buf *notes, struct err *err)
{
	const char *options = memchr(line, '\n', len);

	return buf_putf(notes, err,
	    "master.cf has a service for port %s already; it is left as it "
	    "is. For logins through\nsealpost it needs:\n%.*s",
	    port_number(service_port(s)),
	    options == NULL ? 0 : (int)(line + len - options - 1),
	    options == NULL ? "" : options + 1);
}

struct master_edit {
	const struct view *w;
	const char *known;
	service_taken taken;
	struct buf *notes;
	struct args args;
};

static int
edit_entry(struct master_edit *e, const char *line, size_t len, struct err *err)
{
	cleanup(buf_reset) struct buf entry = { .limit = LIMIT_POSTFIX_FILE };
	struct service s;

	if (read_service(line, &s) < 0)
		return err_set(err, ERR_PERM, "a template names no service");
	if (strcmp(s.name, "none") == 0)
		return 0;
	if (has_service(e->w, &s))
		return e->taken(&s, line, len, e->notes, err);
	if (put_entry(e->known, line, len, &entry, err) < 0)
		return -1;
	return args_putf(&e->args, err, "%s/%s=%s", s.name, s.type, entry.data);
}

static int
edit_master(const struct render *r, const char *template, struct master_edit *e,
    struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_POSTFIX_FILE };
	cleanup(args_reset) struct args args = { 0 };

	if (render_template(r, template, &text, err) < 0)
		return -1;

	struct render_lines lines = { (const char *)text.data };
	const char *line;
	size_t len;
	int rc = begin_postconf(&e->args, e->w, "-M", err);

	while (rc == 0 && render_next(&lines, &line, &len))
		rc = edit_entry(e, line, len, err);
	args = e->args;
	e->args = (struct args){ 0 };
	/* Without an entry, -M would only print. */
	return rc < 0 || args.count == 3
		   ? rc
		   : postconf_edit(e->w->folder, &args, err);
}

static int
apply_master(const struct render *r, const struct view *w, struct buf *notes,
    struct err *err)
{
	cleanup(buf_reset) struct buf known = { .limit = LIMIT_POSTFIX_FILE };

	if (known_settings(w, &known, err) < 0)
		return -1;

	struct master_edit hop = { .w = w,
		.known = (const char *)known.data,
		.taken = refuse_taken,
		.notes = notes };
	struct master_edit submission = hop;

	submission.taken = note_taken;
	if (edit_master(r, "master.cf", &hop, err) < 0)
		return -1;
	return edit_master(r, "master-submission.cf", &submission, err);
}

/* ---- the two ways ---- */

int
wiring_apply(const struct render *r, const char *folder, struct buf *notes,
    struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_POSTFIX_FILE };
	cleanup(args_reset) struct args settings = { 0 };
	cleanup(view_reset) struct view w = { 0 };

	/* First the services: they make the names of their settings known. */
	if (view_read(&w, folder, err) < 0 ||
	    apply_master(r, &w, notes, err) < 0 ||
	    notes_filters(r, &w, notes, err) < 0 ||
	    render_main(r, &text, err) < 0 ||
	    each_setting(&text, &w, put_setting, &settings, err) < 0 ||
	    set_each(&w, &settings, err) < 0)
		return -1;
	if (allow_proxymap(&text, &w, err) < 0)
		return -1;
	return notes_put(r, &w, notes, err);
}

/*
 * Cuts every map of ours out of the list, with the restriction that asks it.
 * Returns true when there was one.
 */
static bool
cut_out_maps(char *list, const char *map)
{
	static const char check[] = "check_recipient_access ";
	bool found = false;
	char *at;

	while ((at = strstr(list, map)) != NULL) {
		size_t before = (size_t)(at - list);
		size_t skip = before >= sizeof check - 1 &&
				      strncmp(at - (sizeof check - 1), check,
					  sizeof check - 1) == 0
				  ? sizeof check - 1
				  : 0;

		list_cut(list, at - skip, skip + strcspn(at, ", \t}"));
		found = true;
	}
	return found;
}

/* One name of `kept`: a parameter of main.cf that was changed since. */
static int
put_without(const struct view *w, const char *name, const char *map,
    struct args *settings, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };
	int set = view_get(w, POSTCONF_SET, name, &value, err);

	if (set <= 0 || value.len == 0 ||
	    !cut_out_maps((char *)value.data, map))
		return set < 0 ? -1 : 0;
	return args_putf(settings, err, "%s=%s", name, value.data);
}

int
wiring_remove(const char *config_directory, const char *kept,
    const char *folder, struct err *err)
{
	cleanup(args_reset) struct args settings = { 0 };
	cleanup(view_reset) struct view w = { 0 };
	char map[CUT_SIZE], name[100];

	if (snprintf(map, sizeof map, "proxy:sqlite:%s/sealpost/",
		config_directory) >= (int)sizeof map)
		return err_set(err, ERR_PERM, "%s: the path is too long",
		    config_directory);
	if (view_read(&w, folder, err) < 0)
		return -1;
	for (const char *s = kept; *s != '\0'; s += *s == '\n') {
		size_t n = strcspn(s, "\n");

		(void)snprintf(name, sizeof name, "%.*s", (int)n, s);
		if (put_without(&w, name, map, &settings, err) < 0)
			return -1;
		s += n;
	}
	return set_each(&w, &settings, err);
}
