/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The IMAP command XFOLDERSTATS [pattern]: setting mail_plugins = imap_sealpost,
 * for IMAP alone. It works in steps, and other commands run between them.
 */

#include "imap-common.h"
#include "imap-commands.h"
#include "imap-quote.h"
#include "imap-utf7.h"
#include "module-dir.h"
#include "ostream.h"
#include "str.h"
#include "time-util.h"
#include "sealpost-scan.h"
#include "sealpost-walk.h"

#define COMMAND_NAME "XFOLDERSTATS"

struct folderstats_context {
	struct sealpost_walk *walk;
	unsigned int folders;
	char *error_text;
	/* of one folder: that must exist. Of all: the sum is wanted. */
	bool one, all;
};

extern const char *imap_sealpost_plugin_version;
extern const char *imap_sealpost_plugin_dependencies[];
extern const char imap_sealpost_plugin_binary_dependency[];
void imap_sealpost_plugin_init(struct module *module);
void imap_sealpost_plugin_deinit(void);

static struct module *imap_sealpost_module;
static imap_client_created_func_t *next_hook_client_created;

/* Returns FALSE if the folder's name isn't UTF-8. */
static bool
folderstats_send(struct client *client, const char *vname,
		 const struct sealpost_stats *stats, bool sum)
{
	string_t *str = t_str_new(256);
	string_t *name = t_str_new(64);

	if (imap_utf8_to_utf7(vname, name) < 0)
		return FALSE;
	str_append(str, "* "COMMAND_NAME" ");
	imap_append_astring(str, str_c(name));
	str_append(str, " (");
	sealpost_stats_append(str, stats, sum);
	str_append_c(str, ')');
	client_send_line(client, str_c(str));
	return TRUE;
}

static char *folderstats_error(const struct sealpost_walk_result *result)
{
	string_t *str = t_str_new(128);

	/* the line is US-ASCII */
	if (imap_utf8_to_utf7(result->vname, str) < 0)
		str_truncate(str, 0);
	str_printfa(str, ": %s", result->error_text);
	return i_strdup(str_c(str));
}

static bool folderstats_finish(struct client_command_context *cmd)
{
	struct folderstats_context *ctx = cmd->context;

	sealpost_walk_end(&ctx->walk);
	if (cmd->cancel)
		;
	else if (ctx->error_text != NULL) {
		client_send_tagline(cmd, t_strconcat("NO [UNAVAILABLE] ",
						     ctx->error_text, NULL));
	} else if (ctx->one && ctx->folders == 0) {
		client_send_tagline(cmd, "NO [NONEXISTENT] "
				    "Mailbox doesn't exist or can't be read");
	} else {
		client_send_tagline(cmd, "OK Folder statistics completed.");
	}
	i_free(ctx->error_text);
	return TRUE;
}

/* Returns TRUE if this was the last step. */
static bool folderstats_step(struct client_command_context *cmd)
{
	struct folderstats_context *ctx = cmd->context;
	struct sealpost_walk_result result;

	switch (sealpost_walk_step(ctx->walk, SEALPOST_SCAN_STEP, &result)) {
	case SEALPOST_WALK_MORE:
		break;
	case SEALPOST_WALK_FOLDER:
		if (folderstats_send(cmd->client, result.vname, result.stats,
				     FALSE))
			ctx->folders++;
		else if (ctx->error_text == NULL)
			ctx->error_text = i_strdup("A folder's name isn't UTF-8");
		break;
	case SEALPOST_WALK_FAILED:
		if (ctx->error_text == NULL)
			ctx->error_text = folderstats_error(&result);
		break;
	case SEALPOST_WALK_END:
		if (ctx->all && ctx->error_text == NULL)
			(void)folderstats_send(cmd->client, "", result.stats,
					       TRUE);
		return TRUE;
	}
	return FALSE;
}

/* For one folder after the other there's no need to go back to the loop each
   time: a step that read nothing took a millisecond at most. */
static bool folderstats_continue(struct client_command_context *cmd)
{
	struct timeval start, now;
	bool finished;

	if (cmd->cancel)
		return folderstats_finish(cmd);
	i_gettimeofday(&start);
	do {
		T_BEGIN {
			finished = folderstats_step(cmd);
		} T_END;
		if (finished)
			return folderstats_finish(cmd);
		i_gettimeofday(&now);
	} while (timeval_diff_msecs(&now, &start) < 20 &&
		 o_stream_get_buffer_used_size(cmd->client->output) <
		 CLIENT_OUTPUT_OPTIMAL_SIZE);

	cmd->state = CLIENT_COMMAND_STATE_WAIT_OUTPUT;
	o_stream_set_flush_pending(cmd->client->output, TRUE);
	return FALSE;
}

static bool cmd_folderstats(struct client_command_context *cmd)
{
	struct folderstats_context *ctx;
	const struct imap_arg *args;
	const char *pattern, *patterns[2] = { NULL, NULL };
	string_t *utf8;

	if (!client_read_args(cmd, 0, 0, &args))
		return FALSE;
	if (!IMAP_ARG_IS_EOL(&args[0])) {
		if (!imap_arg_get_astring(&args[0], &pattern) ||
		    !IMAP_ARG_IS_EOL(&args[1])) {
			client_send_command_error(cmd, "Invalid arguments.");
			return TRUE;
		}
		utf8 = t_str_new(64);
		patterns[0] = imap_utf7_to_utf8(pattern, utf8) < 0 ?
			pattern : str_c(utf8);
	}

	ctx = p_new(cmd->pool, struct folderstats_context, 1);
	ctx->all = patterns[0] == NULL;
	ctx->one = !ctx->all && strpbrk(patterns[0], "*%") == NULL;
	ctx->walk = sealpost_walk_begin(cmd->client->user,
					ctx->all ? NULL : patterns);
	cmd->context = ctx;
	cmd->func = folderstats_continue;
	return folderstats_continue(cmd);
}

static void imap_sealpost_client_created(struct client **clientp)
{
	struct client *client = *clientp;

	if (mail_user_is_plugin_loaded(client->user, imap_sealpost_module))
		client_add_capability(client, COMMAND_NAME);
	if (next_hook_client_created != NULL)
		next_hook_client_created(clientp);
}

const char *imap_sealpost_plugin_version = DOVECOT_ABI_VERSION;
const char *imap_sealpost_plugin_dependencies[] = { "sealpost", NULL };
const char imap_sealpost_plugin_binary_dependency[] = "imap";

void imap_sealpost_plugin_init(struct module *module)
{
	imap_sealpost_module = module;
	command_register(COMMAND_NAME, cmd_folderstats, 0);
	next_hook_client_created =
		imap_client_created_hook_set(imap_sealpost_client_created);
}

void imap_sealpost_plugin_deinit(void)
{
	imap_client_created_hook_set(next_hook_client_created);
	command_unregister(COMMAND_NAME);
}
