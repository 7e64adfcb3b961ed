/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/pkesk.h"

#include "openpgp/message.h"
#include "openpgp/testing.h"

/* Messages made by GnuPG 2.2; the last is A.8 of RFC 9580. */
static const struct {
	size_t key;
	const char *session_key;
	const char *message;
	const char *plaintext;
} foreign[] = {
	{ 0, "4fa55868ed100ca3e1f5cd6349a27ddc1b25095d8787cfb095772f486a287e8d",
	    "845e0377eb63f207071d1c12010740c5eabd50a33798c80f76cce0c74cdd8ec6"
	    "b473feef89cc5bcc0848d28589f71c3079b69bd3211e1089d11697a14c65b141"
	    "d76f8f6d01d62df0abfba087928f951a977c338490bfcc90a528ed06389b9176"
	    "d23f0106af5358f888f33408012e6bba5c2636315140003bd52410a45be80a1f"
	    "595dd87774f6cc22855ad2f7ed5a57de2f6084a855d598cb8e320333d979c50a"
	    "af",
	    "hello, cv25519" },
	{ 1, "3fd1705835fa27d48579a5ebf078033abab3f4d57a1f3ac014ca48345e191d32",
	    "847e03f136c44547f2294412020304dbfe9d7bd4390cf0b01f355d415db08597"
	    "0b50207125f20f448fa2893da03cad878eb214ec879bbd1349b39ad182e63461"
	    "3e69e6da95554a029fa9ea05da0fd530f881359baa07dbdc1bbef1b6acdbd4ff"
	    "71cd8782c2dfa3d9859202c3f5c9d45e46c3d54f820e609716526d52b001320a"
	    "d240010efc9339f606ad0b9b56bbd798b39cecc268d828bc4e59d5d4db479a38"
	    "12e593ab902616cb1a6a0ae3b15a57ca3381538488e9160efa921bd26f1d6769"
	    "854b",
	    "hello, nistp256" },
	{ 2, "2f312af67c1c528f3c1f688f23958b29ab7e26104dfbc815b7d31cacdbb8da3d",
	    "84c2032514fbcf6308b7411204230401bab0c64cf0fa88d0ef0313d83a3e53f6"
	    "c2d426826086725737251784898f772ffe47861c60d41afd7f1119cacdc48ebb"
	    "829cd0936c2fe5d48f3e177a578f4d06ab01d8a64730824c97cf1cc539f8b143"
	    "7aa7d2a4fea9c5754fea72df83a4fe3945cbdc707e4500812cbd3efa98c4456c"
	    "3e9ba2a81ec3ab9ac681a400f9135d12435904302639d52cd613a2220d6e39bc"
	    "2b38b2df388dca32f663b314383adc83801de7eab5a6326e5105a5f9ad5071bd"
	    "19c7c0b7d240013c73c007b1ccc59e826b47fa200924af6fcb8d7a049a94b317"
	    "00a9968829bf7fdff81576cc29e30184cb495908a19b10a19a3e02d6007bc0b3"
	    "35d8251edcc5",
	    "hello, nistp521" },
	{ 3, "8b0f747e054bc77d551eed130be0ccb36ad9b029e0484947fb47465a151d3e22",
	    "849e034f711a70d61eed4f120303042d026ecd42150045161e156337698c5a2b"
	    "ae6c7673b0b8cb4f3372df51d99c7633472ed052ab513e53a58ff02a4e04e339"
	    "abd4b37d9ef6d5982fbda7fdedfb6fa6ca688364e1f0f1d17f402d61aca82b57"
	    "e9b38894e0cfcdffe8a5f39a16c68430b379db550ddf1f63480d2c7b95c523bb"
	    "b2cd24a07dcb083b76f0cb070e0647713f227d99a2a8cad5eafd8bdd609d76ab"
	    "d247013156b081dd3836dc96fc139f4504b807d43964f70d3884deeee52b9bb2"
	    "c04f155a07038fe2084db4e49a43b963b72f0031f127da673e0e6c8143bfacbc"
	    "c88484b063291b4e02",
	    "hello, brainpoolP384r1" },
	{ TEST_KEY_X25519, "dd708f6fa1ed65114d68d2343e7c2f1d",
	    "c15d06210612c83f1e706f6308fe151a417743a1f033790e93e9978488d1db37"
	    "8da99308851987cf18d5f1b53f817cce5a004cf393cc8958bddc065f25f84af5"
	    "09b17dd3676418dea355437956617901e06957fbca8a6a47a5b5153e8d3ab7d2"
	    "6902070206616416535be0b0716d60e052a56c4c407f9eb36b0efafe9ad0a0df"
	    "9b033c69a21ba9ebd2c0ec95bf569d25c999ee4a3de17058f40dfa8b4c682be3"
	    "fbbbd7b27eb0f59bb5005f80c7c6f40388c30ad406ab0513dcd6f9fd73765628"
	    "6e1177d00f888adb31c4",
	    "Hello, world!" },
};

static void
test_foreign_messages(void **state)
{
	for (size_t i = 0; i < countof(foreign); i++) {
		const struct test_key *k = &test_keys[foreign[i].key];
		cleanup(buf_reset) struct buf out = { .limit = 1000 };
		struct test_subkey s;
		struct message_reader *r = NULL;
		uint8_t message[512], want[32], got[32];
		size_t n = from_hex(foreign[i].message, message, 512);
		size_t want_len = from_hex(foreign[i].session_key, want, 32);

		test_subkey_init(*state, k, &s);
		size_t len =
		    test_open_pkesk(*state, k, &s.subkey, message + 2, got);

		assert_int_equal(len, want_len);
		assert_memory_equal(got, want, len);
		assert_int_equal(
		    message_reader_new(*state, (struct aes_key){ got, len },
			sink_to_buf(&out), &r, NULL),
		    0);
		assert_int_equal(message_reader_feed(r, message, n, NULL), 0);
		assert_int_equal(message_reader_finish(r, NULL), 0);
		message_reader_free(&r);
		assert_non_null(buf_str(&out, NULL));
		assert_string_equal((char *)out.data, foreign[i].plaintext);
	}
}

/* The fingerprint of A.3 in RFC 9580. */
static void
test_v6_fingerprint(void **state)
{
	struct test_subkey s;

	test_subkey_init(*state, &test_keys[TEST_KEY_X25519], &s);
	assert_hex_equal(s.subkey.fingerprint,
	    "12c83f1e706f6308fe151a417743a1f033790e93e9978488d1db378da9930885");
}

static void
put_and_open(
    const struct crypt *c, const struct test_key *k, enum pkesk_version version)
{
	cleanup(buf_reset) struct buf out = { .limit = 1000 };
	uint8_t session_key[SESSION_KEY_LEN], got[64];
	struct test_subkey s;
	struct pubkey key;

	test_subkey_init(c, k, &s);
	assert_int_equal(
	    crypt_random(c, session_key, sizeof session_key, NULL), 0);
	assert_int_equal(
	    pubkey_parse(s.packet, s.subkey.packet_len, &key, NULL), 1);
	assert_int_equal(
	    pkesk_put(c, &s.subkey, &key, version, session_key, &out, NULL), 0);

	size_t head = out.data[1] < 192 ? 2 : 3;

	assert_int_equal(out.data[0], 0xc1);
	if (head == 2)
		assert_int_equal(out.data[1], out.len - 2);
	assert_int_equal(out.data[head], version);
	assert_int_equal(test_open_pkesk(c, k, &s.subkey, out.data + head, got),
	    SESSION_KEY_LEN);
	assert_memory_equal(got, session_key, SESSION_KEY_LEN);
}

static void
test_both_versions(void **state)
{
	for (size_t i = 0; i < countof(test_keys); i++) {
		if (test_keys[i].packet[1] == '4')
			put_and_open(*state, &test_keys[i], PKESK_V3);
		put_and_open(*state, &test_keys[i], PKESK_V6);
	}
}

/* X25519 of RFC 9580 in a version 4 key: both kinds of PKESK. */
static void
test_x25519_in_v4(void **state)
{
	static const char packet[] =
	    "0463877fe319"
	    "8693248367f9e5015db922f8f48095dda784987f2d5985b12fbad16caf5e4435";
	struct test_key k = test_keys[TEST_KEY_X25519];

	k.packet = packet;
	put_and_open(*state, &k, PKESK_V3);
	put_and_open(*state, &k, PKESK_V6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_messages),
		cmocka_unit_test(test_v6_fingerprint),
		cmocka_unit_test(test_both_versions),
		cmocka_unit_test(test_x25519_in_v4),
	};

	return cmocka_run_group_tests(tests, open_crypt, close_crypt);
}
