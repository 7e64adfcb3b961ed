# What Postfix 3.7 sends at the end of a message with two recipients.
C: request=smtpd_access_policy
C: protocol_state=END-OF-MESSAGE
C: protocol_name=ESMTP
C: client_address=127.0.0.1
C: client_name=localhost
C: client_port=40112
C: reverse_client_name=localhost
C: server_address=127.0.0.1
C: server_port=587
C: helo_name=[127.0.0.1]
C: sender=ann@example.org
C: recipient=
C: recipient_count=2
C: queue_id=4bXyZ12abcd
C: instance=7b2.69fe1c05.8a3b1.0
C: size=731
C: etrn_domain=
C: stress=
C: sasl_method=PLAIN
C: sasl_username=Ann@example.org
C: sasl_sender=
C: ccert_subject=
C: ccert_issuer=
C: ccert_fingerprint=
C: ccert_pubkey_fingerprint=
C: encryption_protocol=TLSv1.3
C: encryption_cipher=TLS_AES_256_GCM_SHA384
C: encryption_keysize=256
C: policy_context=
S! quiet
C:
S: action=DUNNO
S:
D: ann@example.org 1 2 731
C! end
S! end
