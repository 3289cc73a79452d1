// The chat page: sets up its parts, then listens to the server.

import { openChats } from "./chats.js";
import { openComposer } from "./composer.js";
import { openConversation } from "./conversation.js";
import { byId } from "./dom.js";
import { showConnection } from "./notes.js";
import { openPanel } from "./panel.js";
import { listen } from "./server.js";
import { openSharing } from "./sharing.js";
import { openAutoplay } from "./autoplay.js";
import { countUnread } from "./unread.js";
import { receive, returnToAddress } from "./world.js";

returnToAddress();
countUnread();
openChats();
openConversation();
openComposer();
openPanel();
openSharing();
openAutoplay();
if (location.hash) byId("app").dataset.view = "chat";

listen(receive, showConnection);
