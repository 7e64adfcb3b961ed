/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_report.h"

#include <stdarg.h>
#include <string.h>

#include "base/json.h"
#include "command.h"
#include "shared.h"

void
doctor_report_reset(struct doctor_report *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->findings[i].what);
		free(r->findings[i].mend);
	}
	free(r->findings);
	*r = (struct doctor_report){ 0 };
}

static int
make_room(struct doctor_report *r, struct err *err)
{
	size_t room = r->room == 0 ? 32 : 2 * r->room;

	if (r->count < r->room)
		return 0;

	struct doctor_finding *more =
	    reallocarray(r->findings, room, sizeof *more);

	if (more == NULL)
		return err_nomem(err);
	r->findings = more;
	r->room = room;
	return 0;
}

/* Foreign text reaches a terminal only without its control bytes. */
static void
make_printable(char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

/* Takes `what`. */
static int
take_finding(struct doctor_report *r, const struct doctor_kind *kind,
    char *what, const char *mend, struct err *err)
{
	cleanup(free_str) char *text = what;
	cleanup(free_str) char *command = mend == NULL ? NULL : strdup(mend);

	if (text == NULL || (mend != NULL && command == NULL))
		return err_nomem(err);
	if (make_room(r, err) < 0)
		return -1;
	make_printable(text);
	if (command != NULL)
		make_printable(command);
	r->findings[r->count++] = (struct doctor_finding){
		.check = kind->check,
		.severity = kind->severity,
		.what = steal(&text),
		.why = kind->why,
		.mend = steal(&command),
	};
	return 0;
}

int
doctor_put(struct doctor_report *r, const struct doctor_kind *kind,
    const char *mend, struct err *err, const char *fmt, ...)
{
	char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&what, fmt, ap);

	va_end(ap);
	return take_finding(r, kind, n < 0 ? NULL : what, mend, err);
}

bool
doctor_has(const struct doctor_report *r, size_t from, const char *prefix)
{
	for (size_t i = from; i < r->count; i++)
		if (strncmp(r->findings[i].check, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

int
doctor_fine(struct doctor_report *r, size_t from, const char *check,
    const char *what, struct err *err)
{
	const struct doctor_kind kind = { check, DOCTOR_FINE, NULL };

	if (doctor_has(r, from, check))
		return 0;
	return doctor_put(r, &kind, NULL, err, "%s", what);
}

size_t
doctor_count(const struct doctor_report *r, enum doctor_severity severity)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->findings[i].severity == severity;
	return n;
}

int
doctor_status(const struct doctor_report *r)
{
	if (doctor_count(r, DOCTOR_ERROR) > 0)
		return CTL_FAILED;
	return doctor_count(r, DOCTOR_UNTRIED) > 0 ? CTL_TRY_AGAIN : CTL_DONE;
}

/* ---- text ---- */

static const struct {
	const char *word, *json;
	const char *colour;
} words[] = {
	[DOCTOR_FINE] = { "ok", "ok", "\033[32m" },
	[DOCTOR_WARNING] = { "warning", "warning", "\033[33m" },
	[DOCTOR_ERROR] = { "error", "error", "\033[31m" },
	[DOCTOR_UNTRIED] = { "not tried", "error", "\033[31m" },
};

static void
print_finding(const struct doctor_finding *f, FILE *to, bool colour)
{
	fprintf(to, "%s%s%s: %s: %s\n", colour ? words[f->severity].colour : "",
	    words[f->severity].word, colour ? "\033[0m" : "", f->check,
	    f->what);
	if (f->why != NULL)
		fprintf(to, "    why:  %s\n", f->why);
	if (f->mend != NULL)
		fprintf(to, "    mend: %s\n", f->mend);
}

void
doctor_print_text(
    const struct doctor_report *r, FILE *to, bool verbose, bool colour)
{
	for (size_t i = 0; i < r->count; i++)
		if (verbose || r->findings[i].severity != DOCTOR_FINE)
			print_finding(&r->findings[i], to, colour);
	fprintf(to,
	    "%zu fine, %zu warnings, %zu errors, %zu could not be tried\n",
	    doctor_count(r, DOCTOR_FINE), doctor_count(r, DOCTOR_WARNING),
	    doctor_count(r, DOCTOR_ERROR), doctor_count(r, DOCTOR_UNTRIED));
}

/* ---- JSON ---- */

static void
put_or_null(struct json *j, const char *key, const char *value)
{
	if (value == NULL)
		json_null(j, key);
	else
		json_string(j, key, value);
}

static void
finding_json(struct json *j, const struct doctor_finding *f)
{
	json_begin_object(j, NULL);
	json_string(j, "check", f->check);
	json_string(j, "severity", words[f->severity].json);
	json_bool(j, "tried", f->severity != DOCTOR_UNTRIED);
	json_string(j, "what", f->what);
	put_or_null(j, "why", f->why);
	put_or_null(j, "mend", f->mend);
	json_end_object(j);
}

static const char *
worst(const struct doctor_report *r)
{
	if (doctor_count(r, DOCTOR_ERROR) > 0 ||
	    doctor_count(r, DOCTOR_UNTRIED) > 0)
		return "error";
	return doctor_count(r, DOCTOR_WARNING) > 0 ? "warning" : "ok";
}

void
doctor_print_json(const struct doctor_report *r, int64_t now, FILE *to)
{
	struct json j = { .to = to };

	json_begin_object(&j, NULL);
	json_time(&j, "time", now);
	json_string(&j, "severity", worst(r));
	json_count(&j, "ok", doctor_count(r, DOCTOR_FINE));
	json_count(&j, "warnings", doctor_count(r, DOCTOR_WARNING));
	json_count(&j, "errors", doctor_count(r, DOCTOR_ERROR));
	json_count(&j, "untried", doctor_count(r, DOCTOR_UNTRIED));
	json_begin_array(&j, "findings");
	for (size_t i = 0; i < r->count; i++)
		finding_json(&j, &r->findings[i]);
	json_end_array(&j);
	json_end_object(&j);
}
