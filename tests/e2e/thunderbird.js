// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The sealpost authors
//
// What try_thunderbird.py has Thunderbird do. Runs in the main window, with all
// rights; each function is called by name and gives JSON.

const { MailServices } = ChromeUtils.importESModule(
  "resource:///modules/MailServices.sys.mjs");

const account = () => MailServices.accounts.accounts.find(
  a => a.incomingServer.type == "imap");
const root = () => account().incomingServer.rootFolder;
const folderOf = name => root().descendants.find(f => f.URI.endsWith(
  "/" + name));
const headerOf = (folder, messageId) => folder.msgDatabase
  .getMsgHdrForMessageID(messageId);
const aboutPane = () => document.getElementById("tabmail").currentAbout3Pane;

// A promise with the status of what is started with a URL listener.
function asUrl(start) {
  return new Promise(resolve => start({
    QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
    OnStartRunningUrl() {},
    OnStopRunningUrl(url, status) { resolve(status); },
  }));
}

// The first true value of condition(), looked at again until then; the caller
// has the deadline.
async function until(condition) {
  for (;;) {
    const value = condition();
    if (value)
      return value;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

// ---- setting up ----

function trust(certificate) {
  Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)
    .addCertFromBase64(certificate, "C,,");
}

// As if the user had it remembered.
async function rememberPassword(user, password) {
  for (const origin of ["imap://localhost", "smtp://localhost"]) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"]
      .createInstance(Ci.nsILoginInfo);
    login.init(origin, null, origin, user, password, "", "");
    await Services.logins.addLoginAsync(login);
  }
}

// ---- folders and messages ----

async function getMail(name) {
  const folder = await until(() => folderOf(name));
  const status = await asUrl(
    listener => folder.getNewMessages(window.msgWindow, listener));
  return [status, root().descendants.map(f => f.name)];
}

function list(name) {
  return Array.from(folderOf(name).messages, h => ({
    id: h.messageId,
    subject: h.mime2DecodedSubject,
    size: h.messageSize,
    offline: Boolean(h.flags & Ci.nsMsgMessageFlags.Offline),
  }));
}

// Until a message is there that the server has told of by itself.
async function awaitMessage(name, messageId) {
  await until(() => headerOf(folderOf(name), messageId));
}

// All octets of a message, in Latin-1.
async function source(name, messageId) {
  const folder = folderOf(name);
  const uri = folder.getUriForMsg(headerOf(folder, messageId));
  let text = "";
  const status = await new Promise(resolve => {
    MailServices.messageServiceFromURI(uri).streamMessage(uri, {
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
      onStartRequest() {},
      onStopRequest(request, result) { resolve(result); },
      onDataAvailable(request, stream, offset, count) {
        const octets = Cc["@mozilla.org/binaryinputstream;1"]
          .createInstance(Ci.nsIBinaryInputStream);
        octets.setInputStream(stream);
        text += octets.readBytes(count);
      },
    }, window.msgWindow, null, false, "");
  });
  return [status, text];
}

async function downloadAll(name) {
  folderOf(name).setFlag(Ci.nsMsgFolderFlags.Offline);
  return asUrl(listener => folderOf(name).downloadAllForOffline(
    listener, window.msgWindow));
}

// Message-IDs of what the server finds.
async function searchBody(name, word) {
  const session = Cc["@mozilla.org/messenger/searchSession;1"]
    .createInstance(Ci.nsIMsgSearchSession);
  session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folderOf(name));
  const term = session.createTerm();
  term.attrib = Ci.nsMsgSearchAttrib.Body;
  term.op = Ci.nsMsgSearchOp.Contains;
  const value = term.value;
  value.attrib = Ci.nsMsgSearchAttrib.Body;
  value.str = word;
  term.value = value;
  session.appendTerm(term);
  const found = [];
  await new Promise(resolve => {
    session.registerListener({
      QueryInterface: ChromeUtils.generateQI(["nsIMsgSearchNotify"]),
      onSearchHit(header) { found.push(header.messageId); },
      onSearchDone: resolve,
      onNewSearch() {},
    });
    session.search(window.msgWindow);
  });
  return found;
}

async function trash(name, messageId) {
  const folder = folderOf(name);
  const header = headerOf(folder, messageId);
  await new Promise(resolve => folder.deleteMessages(
    [header], window.msgWindow, false, true, {
      QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId() { return null; },
      onStopCopy: resolve,
    }, false));
}

// ---- what the user sees ----

// Opens it in the main window; the text that is shown.
async function open(name, messageId) {
  const pane = aboutPane();
  const folder = folderOf(name);
  pane.displayFolder(folder.URI);
  const view = await until(() => pane.gFolder == folder && pane.gDBView);
  const header = headerOf(folder, messageId);
  const index = await until(() => {
    const found = view.findIndexOfMsgHdr(header, true);
    return found < 0xffffffff ? [found] : null;
  });
  pane.threadTree.selectedIndex = index[0];
  const message = await until(() => {
    const inner = pane.messageBrowser.contentWindow;
    return inner.msgLoaded && inner.gMessage?.messageId == messageId && inner;
  });
  const shown = message.getMessagePaneBrowser().contentDocument;
  return {
    title: message.document.getElementById("expandedsubjectBox").textContent,
    text: shown.body.textContent,
    images: Array.from(shown.images, i => i.naturalWidth),
    attachments: message.currentAttachments.map(a => [a.name, a.size]),
  };
}

// ---- writing ----

async function compose(fields) {
  const opened = new Promise(resolve => {
    const observer = {
      observe(composer, topic) {
        if (topic == "domwindowopened")
          composer.addEventListener("compose-editor-ready", () => {
            Services.ww.unregisterNotification(observer);
            resolve(composer);
          }, { once: true });
      },
    };
    Services.ww.registerNotification(observer);
  });
  const params = Cc["@mozilla.org/messengercompose/composeparams;1"]
    .createInstance(Ci.nsIMsgComposeParams);
  params.composeFields = Object.assign(
    Cc["@mozilla.org/messengercompose/composefields;1"]
      .createInstance(Ci.nsIMsgCompFields), fields);
  params.type = Ci.nsIMsgCompType.New;
  params.format = Ci.nsIMsgCompFormat.PlainText;
  params.identity = account().defaultIdentity;
  MailServices.compose.OpenComposeWindowWithParams(null, params);
  return opened;
}

// Returns when it is sent and the copy is stored.
async function send(fields) {
  const composer = await compose(fields);
  const closed = new Promise(resolve => composer.addEventListener(
    "unload", resolve, { once: true }));
  composer.goDoCommand("cmd_sendNow");
  await closed;
}

// The same draft with each of the texts in turn.
async function saveDrafts(fields, texts) {
  const composer = await compose(fields);
  const statuses = [];
  for (const text of texts) {
    composer.GetCurrentEditor().insertText(text);
    const done = new Promise(resolve => composer.gMsgCompose
      .RegisterStateListener({
        QueryInterface: ChromeUtils.generateQI(
          ["nsIMsgComposeStateListener"]),
        NotifyComposeFieldsReady() {},
        NotifyComposeBodyReady() {},
        SaveInFolderDone() {},
        ComposeProcessDone: resolve,
      }));
    composer.goDoCommand("cmd_saveAsDraft");
    statuses.push(await done);
    await until(() => !composer.gWindowLocked);
  }
  composer.close();
  return statuses;
}

function quit() {
  setTimeout(() => Services.startup.quit(Ci.nsIAppStartup.eAttemptQuit), 0);
}
