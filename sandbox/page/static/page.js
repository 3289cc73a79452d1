// The chat page: opens its parts, then listens to the server.

import { openChats } from "./chats.js";
import { openComposer } from "./composer.js";
import { openConversation } from "./conversation.js";
import { byId } from "./dom.js";
import { showConnection } from "./notes.js";
import { openPanel } from "./panel.js";
import { listen } from "./server.js";
import { openSharing } from "./sharing.js";
import { openShow } from "./show.js";
import { countNews } from "./unread.js";
import { hear, returnToAddress } from "./world.js";

returnToAddress();
countNews();
openChats();
openConversation();
openComposer();
openPanel();
openSharing();
openShow();
if (location.hash) byId("app").dataset.view = "chat";

listen(hear, showConnection);
